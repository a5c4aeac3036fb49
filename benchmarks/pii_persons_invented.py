# ruff: noqa: PLW0108, SIM905
"""Invented names, and texts to stand in: templates written for the model of persons, before it saw anything.

`{N}` is a full name, `{G}` a given name, `{F}` a transliterated foreign name, `{S}` its surname, `{L}` a
Latin name. A particle behind one is written in its form after a closed syllable and agrees: 은 이 을 과 으로 이라고 아.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import accumulate

import pii_persons_lists as words
from pii_persons_data import Text
from pii_persons_dictionary import Dictionary

_PARTICLES = {
    "은": "는", "이": "가", "을": "를", "과": "와", "으로": "로", "이라고": "라고", "이에요": "예요", "이랑": "랑",
    "아": "야", "이야": "야", "이요": "요", "이라는": "라는", "이며": "며", "이고": "고", "이나": "나", "이다": "다",
}  # fmt: skip
_SLOT = re.compile(r"\{(?P<kind>[NGFSLHJ])\}(?:\[(?P<josa>[가-힣]+)\])?")

DIALOGUE = """{N} 씨 지금 시간 되세요?|{N}씨 자료 보내 드렸어요|{N} {T}님한테 여쭤볼게요|{N} {T}님 회의실로 오시래요|{N}{T}님 자리 비우셨어요|{G} 씨는 몇 시에 와요?|{G} 씨 그거 봤어요?|{G}[아] 뭐 해?|{G}[아] 밥 먹자|야 {N} 빨리 와
{G}[이랑] {G}[이랑] 같이 갔어|{G}이한테 물어봐|{G}[이] 오늘 생일이래|우리 {G}이 학교 가요|제 이름은 {N}입니다|저는 {N}[이라고] 합니다|안녕하세요 {N}입니다|안녕하세요, {T} {N}입니다|{N}[이에요], 잘 부탁드려요|내 이름은 {N}[이야]
본인 {N} 맞습니다|어제 전화드린 {N}[이라고] 하는데요|예약자 이름은 {N}[이요]|{N}: 오늘 몇 시에 만나?|{N} : 응 알겠어|{N}: ㅋㅋㅋ 진짜?|{N} : 네 확인했습니다|[{N}] [오후 3:21] 네 알겠습니다|[{G}] [오전 10:02] 사진 좀 보내 줘|2023년 5월 2일 오후 2:11, {N} : 도착했어요
{N}님이 들어왔습니다.|{N}님이 나갔습니다.|{N}님이 {N}님을 초대했습니다.|상담사: 성함 말씀해 주시겠어요?\n고객: {N}[이요]|상담원: 성함이 어떻게 되십니까?\n고객: 네, {N}입니다.|제 아내 {N}[이] 대신 받을 거예요|친구 {N}한테 빌려줬어|동생 {N}[이] 합격했대|옆집 {N} 할머니 아세요?|{N}[이라는] 친구가 전학 왔어
{N} 고객님 되시죠?|{N} 고객님 본인 맞으십니까?|네 {N} 고객님, 확인되었습니다|{N} 선생님 수업 재밌어|{N} 교수님 과제 언제까지야?|{N} 팀장님이 찾으세요|{N} 대리님 휴가래요|걔 이름이 {N}[이야]|{N} 걔 왜 그래|그거 {N}[이] 그랬다던데?|{N}[은] 안 온대|{N}[이] 누구야?|{N} 알아?|나 {N}[인데] 지금 통화돼?|{N} 회원님 환영합니다
{T} {N}[이라고] 합니다|어머니 성함은 {N}[이고] 아버지는 {N}입니다|보호자분 성함은요? {N}입니다|담당은 {N} {T}님이세요|{N} 학생 어머니 되시죠?|{N} 환자분 들어오세요|{N} 님 택배 왔습니다|{N}님 앞으로 우편이 왔어요|지원팀 {N}입니다. 무엇을 도와드릴까요?|인사팀 {N} {T}입니다.|네, 저 {N} 맞고요|{N} 형 언제 와요?|{N} 언니 진짜 웃겨|{N} 오빠 생일 축하해요
{G} 언니한테 말했어|{G} 형 번호 좀|{G}[이] 엄마예요|{G} 엄마 안녕하세요|{G}[아], 미안해|{G}[아] 고마워|{G}[아]~ 어디야|사랑해 {G}[아]|{G}[은] 언제 와?|{G}[이] 보고 싶다|오늘 {G}[이] 만나기로 했어|{F} 선생님이 영어를 가르쳐요|{F}[은] 내 친구야|제 이름은 {F}입니다|저는 {F}[이라고] 해요|{F} 씨 통역 부탁드려요|My name is {L}.|This is {L} from the sales team.|Hi {L}, are you free?|{L}: see you tomorrow|Hello, I'm {L}."""
FORMS = """성명: {N}|성명 {N}|성 명 : {N}|이름 : {N}|이름: {N}|성함: {N}|예금주: {N}|예금주 {N}|예금주명: {N}|수령인: {N}|받는 분: {N}|받는 사람 {N}|보내는 분 {N}|보내는 사람: {N}|대표자: {N}|대표자 성명 {N}|대표 {N}|대표이사 {N}|담당자: {N}|담당자 {N} {T}|담당: {N} {T}|담당자: {N} ({D})|보호자: {N}|보호자 성명: {N}|피보험자: {N}|계약자: {N}, 피보험자: {N}|원고 {N}|피고 {N}|피고인 {N}
채권자 {N}\n채무자 {N}|위임인: {N}|위 임 인 {N}|임대인 {N}, 임차인 {N}|임대인: {N} (인)|매도인 {N}(이하 '갑')과 매수인 {N}(이하 '을')|세대주 {N}|세대원: {N}, {N}|참석자: {N}, {N}, {N}|참석: {N} {T}, {N} {T}|작성자: {N}|작성자 {N}|등록자 | {N}|신청인: {N} (서명)|신청인 {N} (인)|위 신청인 {N} (서명 또는 인)|환자명: {N}|환자 {N} (남/34세)|환자: {N} (F/52)|고객명: {N}|고객 성명: {N}|고객님 성함: {N}|학생: {N}|학생 성명 {N}
이름,나이,직업\n{N},31,교사\n{N},28,회사원|성명\t연락처\n{N}\t{D}\n{N}\t{D}|No | 성명 | 부서\n1 | {N} | 총무팀\n2 | {N} | 개발팀|성명(한글): {N}|영문 성명: {L}|영문이름 {L}|성명: {s}|{N} 올림|{N} 드림|{N} 배상|감사합니다.\n{N} 드림|가온상사 영업팀\n{N} {T}|늘솜전자 | 개발팀 | {N} {T}|Best regards,\n{L}|Sincerely,\n{L}|Thanks,\n{L}|Regards,\n{L}\nSales Manager|Name: {L}|Full name: {L}|Contact: {L}|From: {L}|Author: {L}|@author {L}|Signed by {L}
주무관 {N} 과장 전결 {N}|협조자 {T} {N}|기안자 {N}, 검토자 {N}|발신: {N} {T}|수신: {N} {T}님|수신자 {N} 귀하|{N} 귀하|{N} 님 귀하|{N}({D}) 님의 신청이 접수되었습니다.|안녕하세요 {N} 고객님, 결제가 완료되었습니다.|{N} 님, 주문하신 상품이 발송되었습니다.|집도의 {N}|주치의: {N}|담당의 {N} 전문의|진술인 {N}[은] 다음과 같이 진술합니다.|원고 {N}[은] 피고 {N}[을] 상대로 소를 제기하였다.|위 사람 {N}[은] 재직 중임을 증명합니다.|근로자 {N}[과] 사용자 {N}[은] 다음과 같이 계약한다.
운전자 {N}|차주: {N}|소유자 {N}|면접자: {N}, 면접관: {N}|지원자 {N}[은] 성실하다.|비상연락처: {N} (배우자) {D}|가족: {N}(부), {N}(모)|배우자 {N}|자녀 {N}|추천인: {N}|신고인 {N}|민원인 {N}|납세자 {N}|공인중개사 {N}|법무사 {N}|변호사 {N}|{N} 변호사|{N} 세무사 사무소|예약자: {N} 외 3명|탑승자명: {N}|투숙객 {N}|명의자 {N}|계좌주 {N}|입금자명 {N}|입금: {N}|국민은행 {D} {N}|신한 {D} (예금주 {N})|농협 {D} 예금주: {N}"""
FORMS += "|성명(한자): {H}|한자 {H}|姓名：{H}|姓名: {H}|联系人：{H}|收件人: {H}|此致\\n{H}|敬上\\n{H}|氏名：{J}|氏名: {J}|お名前：{J}|名前: {J}|担当者：{J}|受取人: {J}|よろしくお願いいたします。\\n{J}|{J}さん、お電話です。|{J}様|{J}と申します。|{J}です。よろしく|{J}監督が会見した。|{H}先生|{H}女士|{H}经理|Nombre: {L}|Atentamente,\\n{L}|Saludos,\\n{L}|El alcalde {L} habló con la prensa.|Me llamo {L}.|Estimado {L}:|Customer: {L}|Dear {L},|Kind regards,\\n{L}|Yours,\\n{L}|Patient: {L}|Employee {L}|Recipient: {L}|영문명: {L}|여권 영문명 {L}|성명(영문): {L}|안녕하세요 {L}입니다|{L} 님|{L} 씨|담당자: {L}|대표이사 {L}|대표자 {L}|고객명: {L}|이름: {F}|성명: {F}|예금주: {F}|담당자 {F}|국적: 미국 성명: {F}|{F} 귀하"
FORMS += "|성명 : {G}|{G} 올림|{G} 드림|환자: {N}/여/45세|성명({N})|예금주({N})|(예금주 {N})|예금주 {N})로|대표자 성명({N})|{T} {N} 사무실 02|소장  {N}  연락처|{N} | {D} | 서울|담당: {N}, 연락처: {D}|- 이름: {N}\\n- 연락처: {D}|• 성명: {N} • 생년월일: {D}|1. {N} ({D})\\n2. {N} ({D})|{N} {D}|{N}/{D}|{N}, {D}|{D} {N}"
DIALOGUE += "|{G}[아] {G} 왔어?|{G}[이랑] {G} 오늘 온대|{G}, {G} 둘 다 와|{G} 왔다|{G} 어디 갔어|{G} 거기 있어?|{G}[은] 뭐래?|{G} 폰 번호 알아?|{G} 생일 언제야|{N} 알지?|{N} 말이야|{N} 봤어?|{N} 어디 있어|어제 {N} 만났어|내일 {N} 온대|{N}[이랑] 밥 먹었어|{N}네 집에서 놀자|{G}네 집 가자|{G}이네 강아지|{G}이는 잘 있어?|{G}이가 그랬어|{G}이 아빠예요|{N} 어머님 되시죠?|{N} 학생 담임입니다|{N} 담임선생님|{N} 기사님 도착하셨대요|{N} 부장님이랑 식사했어요|{N} 이사님 결재 났습니다|@{N} 확인 부탁드려요|@{G} 이거 봐|{N}> 안녕하세요|<{N}> 안녕|[{N}] 네|({N}) 네 알겠습니다|{N} (오후 2:30) 도착|{N}: 네\\n{N}: 알겠습니다|{N} : 안녕하세요\\n{N} : 네 반가워요|{N}\\n오후 3:30\\n네 알겠습니다|{N}님 안녕하세요|안녕하세요 {N}님|{N}님께|{N}님, 감사합니다|{N} 님이 선물을 보냈어요|{N}씨는요?|{N}씨, 잠깐만요|{G}씨 고마워요|{G}님 어서 오세요|{N} 계세요?|{N} 씨 계신가요?|거기 {N} 씨 댁이죠?|{N} 부탁드립니다|{N} 바꿔 주세요|{F} 씨|{F} 교수님 수업|{F}[이랑] 만났어|친구 {F}[이] 한국에 왔어|{F} 선생님 안녕하세요"
DIALOGUE += "|{G}한테 물어봐, 걔가 알 거야|{G}한테 전화해 봐|{G}한테만 말한 건데|{G}이한테만 말했는데 다 알더라|이름은 {G}[이고] 스무 살이야|이름은 {G}[이야]|이름이 {G}[이라고] 했나?|제 이름 {G}[이에요]|울 신랑 {G}씨가 다 해 줬어요|우리 남편 {G} 씨는 요리를 잘해요|우리 와이프 {G}씨 생일이에요|남친 이름이 {N}[이에요]|여친 이름은 {G}[이고요]|아들 이름이 {G}[이에요]|딸 {G}[은] 다섯 살|첫째 {G}[이랑] 둘째 {G}|{G}[이라는] 이름 흔한가요?|{G}[이라는] 애 알아?|동생이 {G}[이에요]|내 동생 {G}[이야]|나 {F}[이야] 베트남에서 왔어|저 {F}[이에요]|{S}[이라고] 불러 주세요|{G}[이라고] 불러|{G}{G} 우리 {G}|우리 {G} 착하지|우리 {G}[이] 다 컸네|{G}[이] 누나도 불러|{G} 누나도 온대?|{G} 삼촌 왔다|{G} 이모한테 인사해|{G}네 엄마가 그러는데|{G}[이] 아버님 되시죠?|{G} 학생 왔어요?|{G} 선배가 사 준대|{G} 쌤 어디 가셨어요?|{N} 쌤 수업 몇 시예요|{G}[아], 일어나|{G}[아]! 나 왔어|야 {G} 너 뭐 하냐|야, {G}[아] 너 어제 왜 안 왔어|{G} 너 숙제 했어?|{G} 너 진짜|근데 {G}[은] 왜 안 와?|근데 {G} 어디 갔어|아니 {G}[이] 그런 거 아니야|{G}[이] 먼저 갔어|{G}[이] 보고 오라 그래|{G}[을] 왜 불러|{G}[과] 싸웠어|{G}한테서 연락 왔어|{G}도 온대|{G}만 오면 돼|{N}도 온다던데|{N}한테 빌린 거야|{N}[이] 보냈어요|{N}[을] 찾는데요|{N}[이라는] 분 계세요?|{N}[이라고] 전해 주세요|{N} 앞으로 달아 주세요|{N} 이름으로 예약했어요|{N}[으로] 예약했는데요|예약자 {N}[이고요]|{N} 본인입니다|성함이 {N} 맞으시죠?|{N} 님 맞으시죠?|{N} 고객님께서 주문하신|{N} 어르신 댁이죠?|{N} 반장님|{N} 사장님 통화 가능하세요?"
NEWS = """{N} 가람시장은 12일 기자회견을 열었다.|{N} 늘봄전자 대표이사가 취임했다.|{N} 감독이 이끄는 팀이 이겼다.|경찰은 용의자 {N}[을] 붙잡았다.|가수 {N}의 신곡이 공개됐다.|{N}[은] 후반에 한 골을 넣었다.|{N} 의원은 개정안을 냈다.|국회의원 {N}·{N}[이] 공동으로 냈다.|전 장관 {N}[과] 현 차관 {N}[이] 만났다.|{N} 신임 회장은 인사를 단행했다.|재판장 {N} 판사는 벌금을 선고했다.|(부산=가람뉴스) {N} 기자 = 3일 낮 부산에서 축제가 열렸다.
{N} 기자 {D}|글·사진 {N} 기자|사진=배우 {N} 인스타그램|투수 {N}[이] 삼진 아홉 개를 잡았다.|1위는 {N}, 2위는 {N}[이다].|소설가 {N}[이] 새 책을 냈다.|{N} 전 대표에게 벌금이 부과됐다.|작가 {N}의 전시가 열린다.|{N} 교수 연구팀은 논문을 냈다.|피해자 {N}(여·29)의 신원이 확인됐다.|{N}(35)[은] 지난해 결혼했다.|{N}({D}) 씨는 말했다.|{N} 대변인은 논평을 냈다.|{N} 후보자 청문회가 열렸다.|{N} 역의 {N}[은] 호평을 받았다.|{N}[이] 말하자 {N}[도] 웃었다.|고 {N} 선생의 추모식이 열렸다.
{N} 씨는 "몰랐다"고 말했다.|{N}[은] 이날 방송에서 근황을 전했다.|배우 {N}[과] {N}[이] 결혼한다.|{N}, {N}, {N} 등이 출연한다.|{N}의 연기가 좋았다.|{N} 연기 진짜 잘하네|{N} 때문에 봤는데 재미없다|{N} 나와서 봤음|{N} 나오는 영화는 다 봄|역시 {N}!|{N} 최고|{N} 너무 예쁘다|{N}[은] 멋있는데 내용이 별로|{N}[이] 아깝다|{N}, {N} 두 배우의 호흡이 좋다|{N} 감독님 작품은 다 좋아요|{N}의 목소리가 참 좋다|{N}[이랑] {N} 나온 거 재밌게 봤어요|{N} 보려고 봤다|{N}[도] 나이를 먹는구나|{G}[이] 너무 불쌍해|{G}[과] {G}의 사랑 이야기|{G}[은] 왜 그랬을까|{G} 역할 배우 누구예요?|{G}의 연기가 눈부시다
{F} 국무장관은 부인했다.|미국의 {F} 대통령은 성명을 냈다.|{F} 감독의 영화는 처음이다|{F}의 연기가 압권이다|{F} 주연의 영화|{F}[은] 공격수로 나섰다.|배우 {F}[이] 방한했다.|{F}[과] {F}[이] 함께 나온다.|{S}[은] 4회 홈런을 쳤다.|{S}[이] 골을 넣었다.|{S}의 연기는 최고|{S} 감독은 말했다.|역시 {S}|{F} 때문에 봤다|{F} 너무 멋있다|{F}, {F} 최고의 배우들|젊은 {F}[을] 볼 수 있다|{F} 박사가 이끄는 연구팀|{F}({L})[은] 말했다.|{F}[이] 부른 노래|가수 {F}의 공연이 열렸다.|{F} 선수가 은메달을 땄다.|{F} 형제의 영화|투수 {S}[을] 상대로 안타를 쳤다.|{S}[과] {S}의 케미|{S}, {S} 둘 다 좋다|{S}[은] 결국 죽는 건가|{S} 나오는 장면"""
NOBODY = """과장님 지금 어디 계세요?|기사님 세워 주세요|이모님 여기 주문이요|사장님 계산해 주세요|선생님 질문 있어요|팀장님이 내일 오신대요|고객님 확인 부탁드립니다|회원님의 등급이 올랐습니다|손님 여러분께 알려 드립니다|작성자: 운영자|작성자: 익명|담당자: 미정|담당자에게 문의하세요|이름을 입력해 주세요|이름: 필수 항목|성명: ________|성명 (서명)|성명 및 주소를 적는다|예금주명이 다릅니다|대표이사 귀하|수신자: 내부결재|받는 사람: 전체 회원|보내는 사람: 운영팀|상품 이름: 무선 이어폰|변수 이름: index|파일 이름: 보고서|서비스 이름을 지정합니다
원고는 청구를 취하했다|피고는 답변서를 냈다|감독: 미정|지은이 소개|운영팀 드림|고객센터 드림|관리자 올림|대표 메뉴: 비빔밥|학생 할인|강사 모집|질문: 언제 오나요?|답변: 내일 옵니다|나: 어디야?|너: 집이야|엄마: 밥 먹어|상담사: 도와드릴까요?|고객: 취소해 주세요|사회자: 다음 순서입니다|오전 10:00 출근|저는 회사원입니다|저는 서울 사람이에요|저는 찬성이라고 봅니다|제 이름은 비밀입니다|안녕하세요 반갑습니다|안녕하세요 문의드립니다|시장은 12일 회의를 열었다.|정부는 대책을 내놨다.|경찰은 범인을 쫓고 있다.|감독이 교체됐다.|기자 = 12일 오전|대변인은 답하지 않았다.|한국은행은 금리를 올렸다.|교육부 장관이 방문했다.|이 교수는 반대했다.|김 씨는 부인했다.|박 대통령은 귀국했다.|최 과장 왔어?
조선시대 유물이 나왔다.|장마가 길어진다.|유가가 올랐다.|전기요금이 오른다.|노사 합의가 이뤄졌다.|주가가 떨어졌다.|안전사고가 줄었다.|성적이 올랐다.|고구마를 샀다.|강아지야 이리 와|고양이야 놀자|구름아 안녕|바람아 멈추어 다오|나무야 미안해|얘들아 모여라|친구야 반갑다|정말 고마워|진짜 미안해|하루하루 지나간다|우리나라 만세|이야기가 길다|오랜만이야|조용히 해|민주주의는 중요하다|문제가 생겼다|연기가 자욱하다|연기 잘하네|노래 진짜 좋다|주인공이 너무 답답해|감독 누구냐|배우들 연기는 좋았다|여주인공 예쁘다|남주 멋있다|정치인은 믿을 수 없다|고기집 사장님|양념치킨 시켰어|우유 사 와|이거 얼마예요|최고의 영화|최악이다|한마디로 최고|나름 괜찮다|지루하다|전쟁 영화|현실적이다|방송국 사람들|신나는 음악|서비스가 좋아요|배송이 빨라요|설정을 저장합니다|사용자 계정을 만듭니다|구성 요소를 설치하십시오|데이터베이스 엔진을 시작합니다|연결 문자열을 지정합니다|기본값은 없음입니다|정수 형식이다|문자열을 반환합니다"""
TITLES = "과장 대리 부장 차장 팀장 사원 주임 선임 책임 수석 이사 상무 실장 센터장 원장 교수 강사 연구원 매니저 주무관 사무관 변호사 세무사 기사 간호사 약사 작가 기자 코치 감독 소장 지점장".split()


_HAN_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗金朴崔郑尹張韓吳申權安宋柳洪全高文孫裵白許"
_HAN_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超秀霞平刚桂英華智民俊瑞潤道賢浩成善美珠熙榮哲秀貞恩惠在植龍凯文佳怡思雨子涵宇轩"
_JAPANESE_SURNAMES = "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 清水 山崎 森 池田 橋本 阿部 石川".split()
_JAPANESE_GIVEN = "太郎 花子 健太 翔太 大輔 結衣 陽菜 葵 蓮 美咲 さくら みなみ ひなた あかり 直樹 拓也 愛 遥 紬 凛 悠斗 誠 恵子 由美 翼".split()


SHARED = 3  # people who bear a part of a name that is drawn from a dictionary
LISTED = 0.3  # of the transliterated names; a model that knew every one would trust its lists alone


def _shared(names: Counter[str]) -> tuple[list[str], list[float]]:
    """Parts of names that at least SHARED bear, and weights to draw them by, added up."""
    kept = sorted(name for name, count in names.items() if count >= SHARED)
    return kept, list(accumulate(names[name] ** 0.5 for name in kept))


class Inventor:
    """Draws names; the same seed draws the same."""

    def __init__(self, seed: int, dictionary: Dictionary | None = None) -> None:
        self.random = random.Random(seed)
        given, parts = (dictionary.given, dictionary.parts) if dictionary else (Counter(), Counter())
        self.born = _shared(given)
        self.abroad = _shared(Counter({part: n for part, n in parts.items() if 1 < len(part) < 7}))
        self.given_names = words.GIVEN
        self.surnames = list(words.SURNAMES)
        self.shares = [words.SURNAMES[name] for name in self.surnames]
        self.listed = {*words.FOREIGN_GIVEN, *words.FOREIGN_SURNAMES}
        self.sounding: dict[str, list[str]] = {}
        for name in sorted(self.listed):
            for syllable in dict.fromkeys(name):
                self.sounding.setdefault(syllable, []).append(name)

    def given(self) -> str:
        """Two syllables, rarely one or three."""
        draw = self.random.random()
        if draw < 0.3:
            return self.random.choice(self.given_names)
        if draw < 0.8 and self.born[0]:
            return self.random.choices(self.born[0], cum_weights=self.born[1])[0]
        first, second = self.random.choice(words.GIVEN_FIRST), self.random.choice(words.GIVEN_SECOND)
        return first + second

    def full(self) -> str:
        """A surname by its share (three in ten evenly) and a given name."""
        even = self.random.random() < 0.3
        surname = (
            self.random.choice(self.surnames) if even else self.random.choices(self.surnames, self.shares)[0]
        )
        if self.random.random() < 0.05:
            return surname + self.random.choice(words.GIVEN_SECOND)
        return surname + self.given()

    def foreign(self) -> str:
        """A transliterated given name and surname; sometimes glued, sometimes three parts."""
        parts = [self._abroad(words.FOREIGN_GIVEN), self._abroad(words.FOREIGN_SURNAMES)]
        if self.random.random() < 0.08:
            parts.insert(1, self._abroad(words.FOREIGN_GIVEN))
        return ("" if self.random.random() < 0.15 else " ").join(parts)

    def surname_abroad(self) -> str:
        """One part of a transliterated name."""
        return self._abroad(words.FOREIGN_SURNAMES if self.random.random() < 0.6 else words.FOREIGN_GIVEN)

    def _abroad(self, of: list[str]) -> str:
        """One of the list, or a name that sounds so: two of the list, joined where they share a syllable."""
        draw = self.random.random()
        if draw < LISTED:
            return self.random.choice(of)
        if draw < 0.8 and self.abroad[0]:
            return self.random.choices(self.abroad[0], cum_weights=self.abroad[1])[0]
        for _ in range(50):
            one = self.random.choice(of)
            other = self.random.choice(self.sounding[self.random.choice(one)])
            shared = self.random.choice(sorted(set(one) & set(other)) or [""])
            if shared:
                made = one[: one.index(shared)] + other[other.rindex(shared) :]
                if 2 <= len(made) <= 6 and made not in self.listed:
                    return made
        return self.random.choice(of)

    def latin(self) -> str:
        """A Latin name in one of its ways of writing."""
        first, second = (self.random.choice(words.ENGLISH_GIVEN).capitalize() for _ in range(2))
        if self.random.random() < 0.5:
            second = self.made_up()
        draw = self.random.random()
        if draw < 0.15:
            return f"{first} {second}".upper()
        if draw < 0.25:
            return f"{first} {second[0]}. {self.random.choice(words.ENGLISH_GIVEN).capitalize()}"
        return f"{first} {second}"

    def han(self) -> str:
        """A Chinese or Korean name in Han."""
        return self.random.choice(_HAN_SURNAMES) + "".join(
            self.random.choices(_HAN_GIVEN, k=self.random.choice((1, 2, 2)))
        )

    def japanese(self) -> str:
        """A Japanese surname in Han and a given name in Han or kana."""
        return self.random.choice(_JAPANESE_SURNAMES) + self.random.choice(_JAPANESE_GIVEN)

    def made_up(self) -> str:
        """A Latin surname that nobody bears."""
        ends = ("ova", "ez", "sen", "oya", "ini", "ski", "ard", "ton", "ley", "mann")
        return "".join(
            self.random.choices(("ma", "lo", "ka", "ri", "ve", "sa", "no", "te", "gar", "mor", "len"), k=2)
        ).capitalize() + self.random.choice(ends)

    def date(self) -> str:
        """Digits that stand beside names."""
        r = self.random
        return r.choice(
            (
                f"010-0{r.randrange(1000):03}-{r.randrange(10000):04}",
                f"{r.randrange(50, 100)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}",
                f"{r.randrange(1950, 2010)}.{r.randrange(1, 13)}.{r.randrange(1, 29)}",
                f"{r.randrange(100, 999)}-{r.randrange(100, 999)}-{r.randrange(100000, 999999)}",
            )
        )


def closed(text: str) -> bool:
    """Whether the last syllable ends in a consonant; Latin letters by their usual sound."""
    last = text[-1]
    return (ord(last) - 0xAC00) % 28 != 0 if "가" <= last <= "힣" else last.lower() in "lmnbkpt"


def fill(template: str, invent: Inventor, name: str) -> Text:
    """A template with names in it."""
    r = invent.random
    out = ""
    persons: list[tuple[int, int]] = []
    template = template.replace("{T}", "\0T").replace("{D}", "\0D").replace("{s}", "\0s")
    read = 0
    for match in _SLOT.finditer(template):
        out += _plain(template[read : match.start()], invent, persons, len(out))
        drawn = {
            "N": invent.full, "G": invent.given, "F": invent.foreign, "S": invent.surname_abroad, "L": invent.latin, "H": invent.han, "J": invent.japanese,
        }[match["kind"]]()  # fmt: skip
        persons.append((len(out), len(out) + len(drawn)))
        out += drawn
        if josa := match["josa"]:
            out += josa if closed(drawn) else _PARTICLES.get(josa, josa)
        read = match.end()
    out += _plain(template[read:], invent, persons, len(out))
    if r.random() < 0.3:
        out = out.rstrip(".?")
    return Text(name, out, tuple(persons))


def _plain(piece: str, invent: Inventor, persons: list[tuple[int, int]], at: int) -> str:
    piece = re.sub("\0T", lambda _: invent.random.choice(TITLES), piece)
    piece = re.sub("\0D", lambda _: invent.date(), piece)
    if "\0s" in piece:
        spaced = (" " * invent.random.randrange(1, 3)).join(invent.full()[:3])
        start = at + piece.index("\0s")
        persons.append((start, start + len(spaced)))
        piece = piece.replace("\0s", spaced)
    return piece


def invented(seed: int, copies: int, dictionary: Dictionary | None = None) -> list[Text]:
    """Every template, `copies` times, some two to a text."""
    invent = Inventor(seed, dictionary)
    texts = []
    for family, source in (("dialogue", DIALOGUE), ("forms", FORMS), ("news", NEWS), ("nobody", NOBODY)):
        templates = [t.replace("\\n", "\n") for line in source.split("\n") for t in line.split("|")]
        for copy in range(copies if family != "nobody" else max(1, copies // 3)):
            for place, template in enumerate(templates):
                one = fill(template, invent, f"{family}-{copy}-{place}")
                if copy % 3 == 2:
                    other = fill(invent.random.choice(templates), invent, "")
                    between = "\n" if family in {"dialogue", "forms"} else " "
                    shift = len(one.text) + 1
                    one = Text(
                        one.id,
                        one.text + between + other.text,
                        one.persons + tuple((s + shift, e + shift) for s, e in other.persons),
                    )
                texts.append(one)
    return texts


def renamed(texts: list[Text], invent: Inventor, other_form: float = 0.0) -> list[Text]:
    """The texts with every name replaced by an invented one, so that particles agree.

    A share `other_form` of the names gets one of another form: a full name becomes a transliterated one.
    """
    out = []
    for one in texts:
        pieces, persons, read, length = [], [], 0, 0
        moved: list[tuple[int, int]] = []  # where a name ended, and by how much what follows moves
        drawn: dict[str, str] = {}
        for start, end in one.persons:
            value = one.text[start:end]
            new = drawn.setdefault(value, _like(value, invent, other_form))
            pieces += [one.text[read:start], new]
            length += start - read
            persons.append((length, length + len(new)))
            length += len(new)
            read = end
            moved.append((end, length - end))
        neutral = tuple((_moved(s, moved), _moved(e, moved)) for s, e in one.neutral)
        out.append(Text(one.id, "".join(pieces) + one.text[read:], tuple(persons), neutral))
    return out


def _moved(at: int, moved: list[tuple[int, int]]) -> int:
    """Where a place went."""
    return at + next((by for end, by in reversed(moved) if end <= at), 0)


def _like(value: str, invent: Inventor, other_form: float) -> str:
    """Another name of the same form (or any), and of the same final sound where it is Hangul."""
    if not re.fullmatch(r"[가-힣]+(?: [가-힣]+){0,2}", value):
        if re.search(r"[A-Za-z]", value):
            return invent.latin()
        if re.search(r"[\u3041-\u30ff]", value):
            return invent.japanese()
        return invent.han() if re.search(r"[\u4e00-\u9fff]", value) else invent.foreign()
    draws = [_drawn_like(value, invent)]
    if invent.random.random() < other_form:
        draws.insert(
            0,
            invent.random.choice(
                (invent.full, invent.given, invent.foreign, invent.surname_abroad, invent.surname_abroad)
            ),
        )
    new = ""
    for draw in (*draws, invent.surname_abroad):
        for _ in range(30):
            new = draw()
            if closed(new) == closed(value):
                return new
    return new


def _drawn_like(value: str, invent: Inventor) -> Callable[[], str]:
    full = value[0] in words.SURNAMES or value[:2] in words.SURNAMES
    if re.fullmatch(r"[가-힣]( +[가-힣]){2}", value):
        return lambda: re.search(r" +", value)[0].join(invent.full()[:3])  # type: ignore[index]
    if " " in value:
        return invent.foreign
    if full and len(value) == 3:
        return invent.full
    if len(value) == 2:
        return lambda: (invent.given if invent.random.random() < 0.6 else invent.surname_abroad)()
    if full and len(value) == 4:
        return lambda: (invent.full if invent.random.random() < 0.4 else invent.surname_abroad)()
    return lambda: (invent.surname_abroad if invent.random.random() < 0.6 else invent.foreign)()
