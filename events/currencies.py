"""The ISO 4217 list: the codes of circulating currencies and funds, with their minor units."""

from __future__ import annotations

from difflib import get_close_matches

_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN
    BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP
    ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR
    ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
    SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND
    VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""Codes that an amount may carry (ISO 4217, list one, without metals and test codes)."""

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = {code: digits for digits, codes in _DECIMALS.items() for code in codes.split()}


def minor_digits(currency: str) -> int:
    """How many decimals the minor unit of a currency has: 2 for EUR, 0 for JPY, 3 for TND."""
    return _EXPONENTS.get(currency, 2)


def nearest(code: str) -> str | None:
    """The currency that a code which is none may have been meant to be: EUR for EURO."""
    likely = sorted(known for known in CURRENCIES if known[0] == code[:1].upper())
    return next(iter(get_close_matches(code.upper(), likely, n=1)), None)
