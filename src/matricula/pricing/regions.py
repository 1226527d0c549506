"""The States and Union Territories of India: ISO 3166-2 code, name, and the number that GST gives
them (first two digits of a GSTIN; https://services.gst.gov.in, list of State codes)."""

from __future__ import annotations

INDIA: dict[str, tuple[str, str]] = {
    "AN": ("Andaman and Nicobar Islands", "35"),
    "AP": ("Andhra Pradesh", "37"),
    "AR": ("Arunachal Pradesh", "12"),
    "AS": ("Assam", "18"),
    "BR": ("Bihar", "10"),
    "CG": ("Chhattisgarh", "22"),
    "CH": ("Chandigarh", "04"),
    "DH": ("Dadra and Nagar Haveli and Daman and Diu", "26"),
    "DL": ("Delhi", "07"),
    "GA": ("Goa", "30"),
    "GJ": ("Gujarat", "24"),
    "HP": ("Himachal Pradesh", "02"),
    "HR": ("Haryana", "06"),
    "JH": ("Jharkhand", "20"),
    "JK": ("Jammu and Kashmir", "01"),
    "KA": ("Karnataka", "29"),
    "KL": ("Kerala", "32"),
    "LA": ("Ladakh", "38"),
    "LD": ("Lakshadweep", "31"),
    "MH": ("Maharashtra", "27"),
    "ML": ("Meghalaya", "17"),
    "MN": ("Manipur", "14"),
    "MP": ("Madhya Pradesh", "23"),
    "MZ": ("Mizoram", "15"),
    "NL": ("Nagaland", "13"),
    "OD": ("Odisha", "21"),
    # The sea beyond the States (IGST Act, section 9); ISO 3166-2 has no code for it.
    "OT": ("Other Territory", "97"),
    "PB": ("Punjab", "03"),
    "PY": ("Puducherry", "34"),
    "RJ": ("Rajasthan", "08"),
    "SK": ("Sikkim", "11"),
    "TN": ("Tamil Nadu", "33"),
    "TR": ("Tripura", "16"),
    "TS": ("Telangana", "36"),
    "UK": ("Uttarakhand", "05"),
    "UP": ("Uttar Pradesh", "09"),
    "WB": ("West Bengal", "19"),
}
_BY_NAME = {name.lower(): code for code, (name, _number) in INDIA.items()}
_BY_NUMBER = {number: code for code, (_name, number) in INDIA.items()}
# Numbers that older GSTINs keep: Daman and Diu joined Dadra and Nagar Haveli (26) in 2020, and
# Andhra Pradesh has a new number (37) since it was divided.
_OLD_NUMBERS = {"25": "DH", "28": "AP"}
# Codes of ISO 3166-2 before its changes of 2023, still in use.
_OLD = {"CT": "CG", "OR": "OD", "TG": "TS", "UT": "UK", "DN": "DH", "DD": "DH"}


def state_code(text: str) -> str | None:
    """The code of a State given by code ("KA", "IN-KA"), name or GST number; None for no State."""
    text = text.strip()
    code = text.upper().removeprefix("IN-")
    code = _OLD.get(code, code)
    if code in INDIA:
        return code
    return _BY_NAME.get(text.lower()) or state_of_gst_number(text)


def state_of_gst_number(number: str) -> str | None:
    """The code of the State that has, or had, this GST number ("29"); None for no State."""
    return _BY_NUMBER.get(number) or _OLD_NUMBERS.get(number)


def state_name(code: str) -> str:
    return INDIA[code][0] if code in INDIA else code


def gst_number(code: str) -> str:
    return INDIA[code][1] if code in INDIA else ""
