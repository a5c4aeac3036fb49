"use strict";
(() => {
  const root = document.documentElement;

  // Language: the radio buttons show and hide by style alone; here the page's own language follows them.
  const korean = document.getElementById("lang-ko"), english = document.getElementById("lang-en");
  const follow = () => { root.lang = english.checked ? "en" : "ko"; };
  (navigator.language.startsWith("ko") ? korean : english).checked = true;
  document.querySelector(".switch").addEventListener("change", follow);
  follow();

  // Only boxes that can be scrolled are stops of the Tab key.
  const boxes = document.querySelectorAll(".wide, .drawn");
  const stops = () => {
    for (const box of boxes) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls) box.tabIndex = 0; else box.removeAttribute("tabindex");
    }
  };
  new ResizeObserver(stops).observe(document.body);
  stops();

  const data = document.getElementById("index");
  if (!data) return;
  const index = JSON.parse(data.textContent), form = document.querySelector(".find");
  const input = document.getElementById("doc"), found = document.getElementById("found");
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const column = (name, type) => new (type || Uint32Array)(bytes(index[name]).buffer);
  const ids = bytes(index.id), none = 0xffffffff, shown = 20;
  const columns = {};
  for (const name of ["set", "fate", "lostTo", "drop", "file", "language", "detail", "shard", "row", "tokens", "shard_row"]) {
    columns[name] = column(name);
  }
  const similarity = column("similarity", Float32Array);
  const idOf = (at) => Array.from(ids.subarray(16 * at, 16 * at + 16), (b) => b.toString(16).padStart(2, "0")).join("");
  const listed = (name, at) => columns[name][at] === none ? null : index[name + "s"][columns[name][at]];

  // Everything that was not written here goes into the page as text, never as markup.
  const element = (tag, ...content) => { const made = document.createElement(tag); made.append(...content); return made; };
  const words = ([ko, en]) => {
    if (ko === en) return [ko];
    const one = element("span", ko), other = element("span", en);
    one.lang = "ko"; other.lang = "en";
    return [one, " ", other];
  };
  const link = (id) => { const made = element("a", element("code", id)); made.href = "#doc=" + id; return made; };

  function first(prefix) {
    let low = 0, high = index.documents;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (idOf(middle) < prefix) low = middle + 1; else high = middle;
    }
    return low;
  }

  function fate(at) {
    const card = element("article"), told = element("dl"), set = index.sets[columns.set[at]];
    card.className = "fate";
    card.append(element("h3", element("code", idOf(at))), told);
    const say = (name, ...content) => told.append(element("dt", ...words(name)), element("dd", ...content));
    const [verdict, stage, reason] = index.fates[columns.fate[at]];
    const mark = element("span", ...words(verdict));
    mark.className = stage ? "bad" : "good";
    say(["판정", "verdict"], mark);
    if (stage) say(["단계", "stage"], ...words(stage));
    if (reason) say(["까닭", "reason"], ...words(reason));
    const detail = listed("detail", at), lost = columns.lostTo[at];
    if (detail !== null) say(["측정값", "measured"], element("code", detail));
    if (lost !== none) {
      const how = similarity[at] >= 0 ? " (" + similarity[at].toFixed(3) + ")" : "";
      say(["남은 문서", "lost to"], link(idOf(lost)), how);
    }
    say(["데이터 세트", "data set"], set[0] + " / " + set[1]);
    say(["언어", "language"], ...words(listed("language", at)));
    say(["원본", "origin"], element("code", listed("file", at)), " ", ...words(["행", "row"]), " " + columns.row[at]);
    say(["납품", "drop"], element("code", listed("drop", at)));
    const shard = listed("shard", at);
    if (shard !== null) {
      say(["토큰", "tokens"], columns.tokens[at].toLocaleString("en"));
      say(["샤드", "shard"], element("code", shard), " ", ...words(["행", "row"]), " " + columns.shard_row[at]);
    }
    return card;
  }

  function search(asked) {
    const prefix = asked.trim().toLowerCase();
    found.replaceChildren();
    if (!/^[0-9a-f]{2,32}$/.test(prefix)) {
      found.append(element("p", ...words(["16진수 두 자리에서 서른두 자리를 적으십시오.", "Write two to thirty-two hexadecimal digits."])));
      return;
    }
    const start = first(prefix);
    let end = start;
    while (end < index.documents && idOf(end).startsWith(prefix)) end += 1;
    const count = end - start, more = count - shown;
    found.append(element("p", ...words(count
      ? [`찾은 문서 ${count.toLocaleString("en")}개`, `${count.toLocaleString("en")} found`]
      : ["이 빌드에 없는 id입니다. 거부된 행에는 id가 없습니다(receipts/).", "No such id in this build. A row that was refused has none (receipts/)."])));
    for (let at = start; at < Math.min(end, start + shown); at += 1) found.append(fate(at));
    if (more > 0) found.append(element("p", ...words([`그 밖에 ${more}개: 더 길게 적으십시오.`, `and ${more} more: write more digits.`])));
  }

  const linked = () => {
    const asked = /^#doc=([0-9a-f]+)$/.exec(location.hash);
    if (!asked) return;
    input.value = asked[1];
    search(asked[1]);
    document.getElementById("search").scrollIntoView();
    input.focus({ preventScroll: true });
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); search(input.value); });
  addEventListener("hashchange", linked);
  form.classList.add("ready");
  linked();
})();
