"""Real text in many languages: the Universal Declaration of Human Rights and Debian's manual pages.

Both are read from the folder that `sources` fills ($RF_ORACLE_HOME, else .deps/oracle in the tree):

    npm/package/declaration/*.html      one translation a file
    man/usr/share/man[/LANGUAGE]/man*/  roff, gzipped

Everything here is a pure function of those files and a seed.
"""
import gzip
import html
import os
import pathlib
import re
import subprocess

HOME = pathlib.Path(os.environ.get("RF_ORACLE_HOME") or pathlib.Path(__file__).resolve().parents[2] / ".deps/oracle")

# (name, shortest text in characters, share of the texts)
LENGTHS = [("few words", 0, 0.45), ("passage", 300, 0.35), ("chunk", 800, 0.15), ("long", 2600, 0.05)]
LONGEST = 4000


def declarations():
    """{language code: [paragraph, …]} of every translation, in the order of the codes."""
    out = {}
    for path in sorted((HOME / "npm/package/declaration").glob("*.html")):
        body = re.findall(r"<(?:h1|h2|h3|h4|p|li)[^>]*>(.*?)</(?:h1|h2|h3|h4|p|li)>", path.read_text("utf-8"), re.S)
        paragraphs = [html.unescape(re.sub(r"<[^>]+>", "", p)).strip() for p in body]
        out[path.stem] = [p for p in paragraphs if p]
    return out


def man_pages(language):
    """Paths of the manual pages in a language ("" is English), without aliases."""
    root = HOME / "man/usr/share/man" / language
    return sorted(p for p in root.glob("man[1-8]/*.gz") if not p.is_symlink() and p.stat().st_size > 1200)


def render(path):
    """A manual page as paragraphs of plain text, line breaks and indentation kept."""
    source = gzip.decompress(path.read_bytes())
    run = subprocess.run(["groff", "-Kutf8", "-Tutf8", "-t", "-mandoc", "-rLL=100n", "-rHY=0", "-P-cbou"],
                         input=source, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""})
    text = run.stdout.decode("utf-8", "replace")
    blocks = [b.strip("\n") for b in re.split(r"\n\s*\n", text)][1:-1]      # without the page's header and footer
    return [b for b in blocks if b.strip()]


def pick(paragraphs, rng, layout):
    """One text out of a document: a length by lot, then neighbouring paragraphs until it is reached."""
    lot, least = rng.random(), 0
    for _, least, share in LENGTHS:
        if lot < share:
            break
        lot -= share
    flat = paragraphs if layout else [" ".join(p.split()) for p in paragraphs]
    at = rng.randrange(len(flat))
    if least == 0:
        words, n = flat[at].split(), rng.randint(3, 18)
        first = rng.randrange(max(1, len(words) - n + 1))
        return " ".join(words[first:first + n])[:120]
    text = flat[at]
    while len(text) < least and at + 1 < len(flat):
        at += 1
        text += ("\n\n" if layout else "\n") + flat[at]
    return text[:LONGEST]
