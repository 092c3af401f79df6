"""A mesh with canaries: values and names that somebody must not see, and what is left of the mesh for him.

    write(folder, "owner")      all of it, in Parquet, Delta and Iceberg, with its policies
    write(folder, "rows")       what a principal of that name may see of it, taken out by hand, with no policies

`CANARIES` says for each canary who must not see it and in which forms it would be seen.
"""

import base64
import dataclasses
import datetime
import decimal
import hashlib
import struct

import pyarrow as pa
import pyarrow.parquet as pq

from sample_mesh import UTC, Product, Version, column, write_iceberg

# Who asks: some rows, all of them raw; all rows, masked; all rows, but two columns are absent; all of this, and not logged in; no rows at all.
PRINCIPALS = ["rows", "masks", "lean", "anonymous", "seer"]
# The last is made by a query over a table that nobody but the owner may find, and leaves a row of it out.
PRODUCTS = {"people": "parquet", "deals": "delta", "stock": "iceberg", "derived": "sql-view"}
QUERY = "SELECT * FROM zqprovins.zqursprung.rows WHERE id > 0"
SERVICES = '[services."vault.derived"]\ngroups = ["owners"]\n'
HIDDEN_ROWS = 35
SEEN_IDS = [1, 3, 5, 7, 9, 11]
# Even ids up to 12, and the others far away.
HIDDEN_IDS = [2, 4, 6, 8, 10, 12] + [6148914691236517200 + n for n in range(HIDDEN_ROWS - 6)]

POLICIES = """
// zqkommentar: what a policy says is not for those whom it is about.
@id("global/see") permit (principal, action in [Mesh::Action::"discover", Mesh::Action::"describe"], resource)
unless { resource in Mesh::Domain::"zqprovins" || resource in Mesh::Product::"vault.zqkammare" || resource in Mesh::Product::"vault.cellar"
         || resource == Mesh::Table::"vault.people@2.rows" };
@id("global/owner") permit (principal in Mesh::Group::"owners", action in [Mesh::Action::"discover", Mesh::Action::"describe", Mesh::Action::"select",
  Mesh::Action::"profile", Mesh::Action::"explain", Mesh::Action::"readRaw"], resource);
@id("global/select") permit (principal, action == Mesh::Action::"select", resource)
unless { resource in Mesh::Product::"vault.sealed" || (principal in Mesh::Group::"seers" && !(resource in Mesh::Product::"vault.plain")) };
@id("global/zqsealed") forbid (principal, action == Mesh::Action::"describe", resource in Mesh::Product::"vault.sealed")
unless { principal in Mesh::Group::"owners" };
@id("global/administer") permit (principal in Mesh::Group::"seers", action == Mesh::Action::"administer", resource in Mesh::Product::"vault.plain");
@id("global/explain") permit (principal in Mesh::Group::"explainers", action == Mesh::Action::"explain", resource);
@id("global/open") permit (principal, action == Mesh::Action::"readRow", resource);
@id("global/public") permit (principal, action == Mesh::Action::"readRaw", resource) when { resource.classification == "public" };
@id("global/raw") permit (principal, action == Mesh::Action::"readRaw", resource)
when { principal in Mesh::Group::"raw" && (resource.classification != "restricted" || principal in Mesh::Group::"rows") };
"""
MASKS = {"name": "mask-alphanum", "email": "show-first-4", "card": "sha-256-global", "salted": "sha-256-query-local", "money": "mask-to-fixed-value",
         "born": "truncate-to-year", "seen": "truncate-to-month", "score": "replace-with-null"}
GROUPS = {"owner": ["owners"], "rows": ["rows", "raw", "explainers"], "masks": ["masked"], "lean": ["raw"], "seer": ["seers"]}


def policies():
    text = POLICIES
    for classification, mask in MASKS.items():
        text += (f'@id("global/zq-{mask}") @mask("{mask}") permit (principal, action == Mesh::Action::"readMasked", resource)\n'
                 f'when {{ resource.classification == "{classification}" && (principal in Mesh::Group::"masked" || principal.kind == "anonymous") }};\n')
    text += ('@id("global/zq-restricted") @mask("replace-with-null") permit (principal in Mesh::Group::"masked", '
             'action == Mesh::Action::"readMasked", resource)\nwhen { resource.classification == "restricted" };\n')
    for product in PRODUCTS:
        text += (f'@id("global/zq-{product}") forbid (principal, action == Mesh::Action::"readRow", resource is Mesh::Row__vault__{product}__1)\n'
                 'unless { resource.country == "SE" || principal in Mesh::Group::"owners" || '
                 'principal in Mesh::Group::"masked" || (principal in Mesh::Group::"raw" && !(principal in Mesh::Group::"rows")) };\n')
    return text


# ---- canaries


@dataclasses.dataclass
class Canary:
    """Something that some principals must not see, and all forms in which they would."""

    name: str
    forms: set[bytes]
    hidden_from: set[str]
    # Too short to be looked for in what looks like chance.
    short_forms: set[bytes] = dataclasses.field(default_factory=set)
    # Nobody is shown it in an answer, not even its owner.
    is_for_nobody: bool = False


def text_forms(token, digests_of=()):
    """A token as text: in either case and direction, in UTF-16, hexadecimal, base64 at any offset, and digests of whole values."""
    forms = set()
    for written in (token, token.upper(), token.lower(), token.capitalize(), token[::-1]):
        raw = written.encode()
        forms |= {raw, written.encode("utf-16-le"), written.encode("utf-16-be"), raw.hex().encode(), raw.hex().upper().encode()}
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + raw)
            forms.add(coded[-(-shift * 4 // 3):(shift + len(raw)) * 8 // 6])
    for whole in digests_of:
        for algorithm in ("md5", "sha224", "sha256", "sha384", "sha512"):
            digest = hashlib.new(algorithm, whole.encode())
            forms |= {digest.digest(), digest.hexdigest().encode()}
    return forms


def number_forms(number):
    """A large whole number: its digits in groups or not, in other bases, as a float, and as bytes in either order."""
    digits, grouped = str(number), f"{number:,}"
    forms = {digits, grouped, grouped.replace(",", "_"), grouped.replace(",", "."), grouped.replace(",", " "), grouped.replace(",", "'"),
             f"{number:x}", f"{number:X}", f"{number:o}", digits[::-1], f"{digits[0]}.{digits[1:11]}"}
    forms = {form.encode() for form in forms}
    for code in ("q", "d"):
        forms |= {struct.pack(f"<{code}", number), struct.pack(f">{code}", number)}
    return forms


def day_forms(day):
    days = (day - datetime.date(1970, 1, 1)).days
    epochs = {days * 86400 * unit for unit in (1, 1000, 1_000_000)}
    forms = {day.strftime(form).encode() for form in ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")}
    forms |= {str(epoch).encode() for epoch in epochs}
    return forms | {struct.pack("<q", epoch) for epoch in epochs}, {struct.pack("<i", days), struct.pack(">i", days)}


ALL = set(PRINCIPALS)
# Who sees a row that is hidden from others, and who sees a column as it is.
NOT_HIDDEN_ROWS, NOT_RAW, NOT_ABSENT = {"rows", "anonymous", "seer"}, {"masks", "anonymous", "seer"}, {"masks", "lean", "anonymous", "seer"}
TOKENS = {
    "hidden": {"name": "Vqzwkj", "email": "Bxqvzw", "card": "Jkqzxv", "ssn": "Wzqxkf", "wq7note": "Pqxzvg", "tags": "Hzxqwk"},
    "seen": {"name": "Kvxqzj", "email": "Gqzkvx", "card": "Fxzqkv", "ssn": "Yqkzvw", "wq7note": "Dzkqxw", "tags": "Rkxzqv"},
}
PAY = {"hidden": 7162539448213665017, "seen": 5839274610287364511}
BONUS = {"hidden": 8236451907734628119, "seen": 6927451830912736457}
BALANCE = {"hidden": decimal.Decimal("91827364455463.7281"), "seen": decimal.Decimal("82736455463728.1918")}
SCORE = {"hidden": 2718281828459.045, "seen": 3141592653589.793}
BORN = {"hidden": datetime.date(2891, 3, 19), "seen": datetime.date(2877, 8, 23)}
SEEN_AT = {"hidden": datetime.datetime(2893, 7, 17, 13, 41, 59, 271828, UTC), "seen": datetime.datetime(2879, 10, 29, 17, 43, 58, 314159, UTC)}
PHOTO = {"hidden": b"\x9f\xc3\x07\xe1\xb4\x5a\xd2\x68", "seen": b"\x8d\xf1\x16\xc9\xa3\x4b\xe5\x72"}

# Names and comments: who knows them may not be told by an answer.
NAMES = {
    "zqkammare": ALL, "zqtavla": ALL, "zqkolumn": ALL, "zqbeskrivning": ALL, "zqetikett": ALL, "zqlag": ALL, "zqprovins": ALL, "zqgods": ALL,
    "zqursprung": ALL, "zqutelamnad": ALL, "zqkallartext": ALL, "zqnyspalt": ALL, "zqsigill": ALL, "zqlacktext": ALL, "zqkommentar": ALL, "global/zq": ALL,
    "zqtrasig": ALL, "2.7183.0": ALL, "zqfraga": ALL, "zqsvar": ALL, "wq7note": {"lean", "anonymous"}, "wq7kommentar": {"lean", "anonymous"},
}


def canaries():
    found = []
    for group in ("hidden", "seen"):
        rows = NOT_HIDDEN_ROWS if group == "hidden" else set()
        ids = HIDDEN_IDS if group == "hidden" else SEEN_IDS
        for name, token in TOKENS[group].items():
            hidden_from = rows | (NOT_ABSENT if name in ("ssn", "wq7note") else NOT_RAW)
            digests = [] if name == "card" else [value(group, name, number) for number in ids[:6] if name != "tags"]
            found.append(Canary(f"{name} of {group} rows", text_forms(token, digests), hidden_from))
        hidden_from = rows | NOT_RAW
        for name, number in (("pay", PAY[group]), ("bonus", BONUS[group])):
            found.append(Canary(f"{name} of {group} rows", number_forms(number), hidden_from))
        unscaled = int(BALANCE[group].scaleb(4))
        written = {str(BALANCE[group]), f"{BALANCE[group]:,}", str(BALANCE[group])[:-1], f"{BALANCE[group]:.6e}"[:8]}
        found.append(Canary(f"balance of {group} rows", number_forms(unscaled) | {form.encode() for form in written}, hidden_from))
        score = SCORE[group]
        written = {str(score), str(int(score)), f"{int(score):,}", f"{score:e}"[:8], str(score / 1e12)[:9]}
        found.append(Canary(f"score of {group} rows", {form.encode() for form in written} | {struct.pack("<d", score), struct.pack(">d", score)},
                            hidden_from))
        forms, short = day_forms(BORN[group])
        found.append(Canary(f"born of {group} rows", forms, hidden_from, short))
        forms, short = day_forms(SEEN_AT[group].date())
        micros = (SEEN_AT[group] - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1)
        forms |= {struct.pack("<q", micros), struct.pack("<q", micros // 1000), str(micros).encode(), str(micros // 1000).encode()}
        found.append(Canary(f"seen_at of {group} rows", forms, hidden_from, short))
        photo = PHOTO[group]
        forms = {photo, photo[::-1], photo.hex().encode(), photo.hex().upper().encode(), base64.b64encode(photo)[:10],
                 "".join(f"\\x{byte:02x}" for byte in photo).encode()}
        found.append(Canary(f"photo of {group} rows", forms, hidden_from))
    far = HIDDEN_IDS[-1] // 1000
    found.append(Canary("id of hidden rows", {str(far).encode(), f"{far:,}".encode()} | {struct.pack("<q", number) for number in HIDDEN_IDS[6:]},
                        NOT_HIDDEN_ROWS))
    nobody = {"zqutelamnad", "zqkommentar", "global/zq", "zqtrasig", "zqfraga", "zqsvar"}
    return found + [Canary(name, text_forms(name), hidden_from, is_for_nobody=name in nobody) for name, hidden_from in NAMES.items()]


# ---- rows


def value(group, name, number):
    """A text with nothing but its token in any part of it."""
    start = "ok@x" if name == "email" else ""
    return f"{start}{TOKENS[group][name] * 3} {number % 1000}"


def digits_hidden(text):
    return "".join("x" if c.isalpha() else "n" if c.isdigit() else c for c in text)


def rows_of(principal):
    """The rows and columns that a principal sees; all for the owner."""
    groups = [("seen", number) for number in SEEN_IDS]
    if principal not in NOT_HIDDEN_ROWS:
        groups += [("hidden", number) for number in HIDDEN_IDS]
    groups.sort(key=lambda row: row[1])
    is_masked = principal in NOT_RAW

    def text(name, masked):
        raw = [value(group, name, number) for group, number in groups]
        return pa.array([masked(text) for text in raw] if is_masked else raw, pa.string())

    def other(values, masked, kind):
        return pa.array([masked(values[group]) if is_masked else values[group] for group, _ in groups], kind)

    columns = {
        "id": pa.array([number for _, number in groups], pa.int64()),
        "country": pa.array(["SE" if group == "seen" else "NO" for group, _ in groups], pa.string()),
        "name": text("name", digits_hidden),
        "email": text("email", lambda text: text[:4] + digits_hidden(text[4:])),
        "card": text("card", lambda text: hashlib.sha256(text.encode()).hexdigest()),
        "pay": other(PAY, lambda _: 0, pa.int64()),
        "bonus": other(BONUS, lambda _: 7, pa.int64()),
        "born": other(BORN, lambda day: day.replace(month=1, day=1), pa.date32()),
        "seen_at": other(SEEN_AT, lambda at: at.replace(day=1, hour=0, minute=0, second=0, microsecond=0), pa.timestamp("us", "UTC")),
        "balance": other(BALANCE, lambda _: decimal.Decimal(0), pa.decimal128(20, 4)),
        "score": other(SCORE, lambda _: None, pa.float64()),
        "photo": other(PHOTO, lambda _: b"", pa.binary()),
        "tags": pa.array([[] if is_masked else [TOKENS[group]["tags"] * 3, f"{TOKENS[group]['tags']} {number % 7}"] for group, number in groups],
                         pa.list_(pa.string())),
        "ssn": text("ssn", lambda _: None),
        "wq7note": text("wq7note", lambda _: None),
    }
    if principal in ("lean", "anonymous"):
        del columns["ssn"], columns["wq7note"]
    return pa.table(columns)


CLASSES = {"id": "public", "country": "public", "name": "name", "email": "email", "card": "card", "pay": "money", "bonus": "salted", "born": "born",
           "seen_at": "seen", "balance": "money", "score": "score", "photo": "salted", "tags": "money", "ssn": "restricted", "wq7note": "restricted"}
LOGICAL = {"id": "integer", "pay": "integer", "bonus": "integer", "born": "date", "seen_at": "timestamp", "balance": "number", "score": "number",
           "tags": "array"}


def contract_columns(rows):
    properties = []
    for name in rows.column_names:
        required = name in ("id", "country")
        more = {"description": "wq7kommentar"} if name == "wq7note" else {}
        if name == "tags":
            more = {"items": {"logicalType": "string", "classification": "money"}}
        if name == "id":
            more = {"primaryKey": True, "primaryKeyPosition": 1}
        properties.append(column(name, LOGICAL.get(name, "string"), **({"physicalType": "BINARY"} if name == "photo" else {}), required=required,
                                 classification=CLASSES[name], **more))
    return properties


# ---- the mesh


def write_rows(folder, kind, rows):
    # By the id, so that each part of what is seen is a part of what is there.
    is_early = [number <= 6 for number in rows["id"].to_pylist()]
    parts = [rows.filter(pa.array(is_early)), rows.filter(pa.array([not early for early in is_early]))]
    if kind == "parquet":
        (folder / "data/rows").mkdir(parents=True)
        for number, part in enumerate(parts):
            pq.write_table(part, folder / f"data/rows/part-{number}.parquet", row_group_size=20)
    elif kind == "delta":
        from deltalake import write_deltalake

        for part in parts:
            write_deltalake(str(folder / "data/rows"), part, mode="append")
    else:
        from pyiceberg.catalog.sql import SqlCatalog

        write_iceberg(folder / "data/rows", parts, SqlCatalog("vault", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}"))


def write_product(mesh, name, properties, rows, document=None, domain="vault", **version):
    made = Version("1.0.0", {"rows": properties}, path="data/{model}.parquet", **version)
    folder = Product(domain, name, [made], document or {}).write(mesh)
    (folder / "data").mkdir()
    for table in made.tables:
        pq.write_table(rows, folder / f"data/{table}.parquet")
    return folder


def write(mesh, principal):
    rows = rows_of(principal)
    is_whole = principal == "owner"
    for name, kind in PRODUCTS.items():
        promises = [{"property": "retention", "value": 3, "unit": "y", "element": "rows.born"}]
        if "wq7note" in rows.column_names:
            promises.append({"property": "latency", "value": 4, "unit": "h", "element": "rows.wq7note"})
        path = "data/{model}/" if kind == "parquet" else "data/{model}"
        if kind == "sql-view":
            write_derived(mesh, name, rows, is_whole)
            continue
        versions = [Version("1.0.0", {"rows": contract_columns(rows)}, format=kind, path=path, sla=promises)]
        if is_whole and name == "people":
            # A version that its contract does not have is a problem, which tells of both.
            versions.append(Version("2.0.0", {"rows": [*contract_columns(rows)[:2], column("zqnyspalt", "string")]}, path=path,
                                    contract={"version": "2.7183.0"}))
        write_rows(Product("vault", name, versions, {"version": "1.0.0"}).write(mesh), kind, rows)
    plain = [column("id", "integer", required=True, classification="public")]
    write_product(mesh, "plain", plain, pa.table({"id": [1, 2, 3]}))
    sealed = [column("id", "integer"), column("zqsigill", "string", description="zqlacktext")] if is_whole else []
    write_product(mesh, "sealed", sealed, pa.table({"id": [1], "zqsigill": ["a"]}))
    if is_whole:
        write_hidden(mesh)
        (mesh / "mesh/policies").mkdir(parents=True)
        (mesh / "mesh/policies/global.cedar").write_text(policies(), encoding="utf-8")


def write_derived(mesh, name, rows, is_whole):
    """A virtual product over a hidden table; for who sees a part of it, over a table that is the same to him."""
    version = Version("1.0.0", {"rows": contract_columns(rows)}, server={"type": "custom", "format": "sql-view", "path": "query.sql"})
    folder = Product("vault", name, [version], {"version": "1.0.0"}).write(mesh)
    (folder / "query.sql").write_text(QUERY if is_whole else "SELECT * FROM vault.people.rows", encoding="utf-8")
    if not is_whole:
        return
    left_out = rows.slice(0, 1)
    for column_name, value in (("id", -7), ("name", "zqutelamnad zqutelamnad")):
        place = left_out.column_names.index(column_name)
        left_out = left_out.set_column(place, column_name, pa.array([value], rows.schema.field(column_name).type))
    source = Version("1.0.0", {"rows": contract_columns(rows)}, path="data/{model}/")
    write_rows(Product("zqprovins", "zqursprung", [source]).write(mesh), "parquet", pa.concat_tables([left_out, rows]))


def write_hidden(mesh):
    """What nobody but the owner may find."""
    secret = [column("id", "integer", classification="public"), column("zqkolumn", "string", description="zqbeskrivning")]
    rows = pa.table({"id": [1], "zqkolumn": ["a"]})
    document = {"description": {"purpose": "zqbeskrivning"}, "tags": ["zqetikett"], "team": {"name": "zqlag"}}
    folder = write_product(mesh, "zqkammare", secret, rows, document)
    contract = folder / "zqkammare.v1.odcs.yaml"
    contract.write_text(contract.read_text().replace("name: rows", "name: zqtavla\n  description: zqbeskrivning").replace("physicalName: rows", "physicalName: zqtavla"))
    (folder / "data/rows.parquet").rename(folder / "data/zqtavla.parquet")
    write_product(mesh, "cellar", [column("id", "integer", classification="public", description="zqkallartext")], pa.table({"id": [1]}))
    write_product(mesh, "zqgods", secret[:1], rows, domain="zqprovins")
    broken = write_product(mesh, "zqtrasig", secret[:1], rows, domain="zqprovins")
    (broken / "zqtrasig.odps.yaml").write_text("kind: [DataProduct\n  name: 'zqtrasig\n")


CANARIES = canaries()
