"""What the data looks like: Arrow schemas, contract, recipe and manifest models, reasons, errors."""
