#!/usr/bin/env python3
"""How fast our tokenizers are beside `tokenizers` (encode_batch_fast) and `tiktoken` (encode_ordinary_batch), in one run:
the same texts, the same number of threads, ids compared first, rounds in turn, the median of the rounds' ratios.

    speed.py --program ENCODE_TEXTS [--rounds N] [--megabytes N] [--only WORD] [--out DIR]

Prints a table in Markdown; with --out writes it there as speed.md, with speed.json and speed.svg. Speeds are of one core:
bytes by processor time, which is wall time where nothing else runs.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[1] / "tests/oracle"))

import bench_texts  # noqa: E402
import chains  # noqa: E402
import files  # noqa: E402
import texts  # noqa: E402
import training  # noqa: E402
from worker import Worker  # noqa: E402

TARGETS = {"WordPiece English": 20, "WordPiece multilingual": 10, "BPE": 8, "Unigram": 8}
MODELS = texts.ROOT / ".deps/models"
PACKAGES = texts.HOME / "tokenizers"


# ---- Texts -------------------------------------------------------------------------------------------------------

def multilingual(size):
    """udhr, neighbouring paragraphs together, over all languages."""
    joined, text, total = [], "", 0
    for paragraph in texts.declarations():
        text += paragraph + "\n"
        if len(text) >= 600:
            joined.append(text)
            text = ""
    step = max(1, sum(len(t.encode()) for t in joined) // size)
    return joined[::step]


# ---- Tokenizers --------------------------------------------------------------------------------------------------

def large_unigrams():
    """Unigram models of the size of the real ones, trained once."""
    folder = texts.HOME / "made-large"
    for name, size in (("xlmr", 64000), ("t5", 32000)):
        path = folder / name / "tokenizer.json"
        if path.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        model = path.with_name("tokenizer.model")
        with open(model, "wb") as out:
            training.sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(t.replace("\n", " ") for t in texts.declarations() + texts.pages()), model_writer=out, num_threads=2, minloglevel=2,
                model_type="unigram", vocab_size=size, hard_vocab_limit=False, character_coverage=0.9995, max_sentence_length=6000,
                normalization_rule_name="nmt_nfkc")
        vocabulary, charsmap = training.unigram(model)
        charsmap = chains.kind("Precompiled", precompiled_charsmap=charsmap)
        if name == "xlmr":
            made = chains.file(vocabulary, charsmap, chains.XLMR_PRE, chains.bert_template("<s>", "</s>"), chains.metaspace(), chains.specials("<s>", "</s>", "<unk>"))
        else:
            made = chains.file(vocabulary, chains.norm(charsmap), chains.XLMR_PRE, chains.template("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0"), chains.metaspace(),
                               chains.specials("</s>", "<unk>"))
        path.write_text(json.dumps(made, ensure_ascii=False))
    return folder


def gpt2(folder):
    """GPT-2's own tokenizer: the ranks of r50k_base are its merges."""
    files.r50k(folder)
    path = folder / "gpt2/tokenizer.json"
    path.parent.mkdir()
    path.write_text(json.dumps(chains.file(training.bpe_of_ranks(folder / "r50k_base.tiktoken"), None, chains.byte_level(), chains.byte_level(True, False),
                                           chains.byte_level(True)), ensure_ascii=False))
    return path


def configurations(folder):
    """(kind, name, texts, our file, peer, its file)"""
    large = large_unigrams()
    minilm, own = MODELS / "all-MiniLM-L6-v2/tokenizer.json", gpt2(folder)
    out = []
    for language in ("English", "Japanese", "multilingual"):
        out.append((f"WordPiece {language}", "all-MiniLM-L6-v2", language, minilm, "tokenizers", minilm))
        out.append(("BPE", "GPT-2", language, own, "tokenizers", own))
        for name in ("llama3", "qwen3", "gpt4o"):
            path = PACKAGES / name / "tokenizer.json"
            out.append(("BPE", name, language, path, "tokenizers", path))
        for name in ("cl100k_base", "o200k_base"):
            path = PACKAGES / name / f"{name}.tiktoken"
            out.append(("BPE", name, language, path, "tiktoken", path))
        out.append(("Unigram", "XLM-R-like", language, large / "xlmr/tokenizer.json", "tokenizers", large / "xlmr/tokenizer.json"))
        out.append(("Unigram", "T5-like", language, large / "t5/tokenizer.json", "tokenizers", large / "t5/tokenizer.json"))
        for name in ("llama2", "gemma"):
            path = PACKAGES / name / "tokenizer.json"
            out.append(("byte-fallback BPE", name, language, path, "tokenizers", path))
    return out


# ---- Workers -----------------------------------------------------------------------------------------------------

def start(command, threads=1):
    return Worker(command, threads, env={"TOKENIZERS_PARALLELISM": "true"})


def ask(worker, *question):
    return [float(word) for word in worker.ask(*question).split()]


def measure(args, folder, source, size, configuration):
    kind, name, language, ours, peer, theirs = configuration
    mine = start([args.program, source])
    load = ask(mine, f"open {ours}")[0]
    others = {n: start([sys.executable, HERE / "peer.py", peer, theirs, source], n) for n in args.threads}
    ask(mine, f"ids {folder}/ours")
    ask(others[args.threads[0]], f"ids {folder}/theirs")
    if (folder / "ours").read_bytes() != (folder / "theirs").read_bytes():
        raise RuntimeError(f"{name}, {language}: the ids differ")
    row = {"kind": kind, "name": name, "texts": language, "peer": peer, "load_s": load, "bytes": size, "threads": {}}
    for n in args.threads:
        ask(mine, f"encode {n}")
        ask(others[n], f"encode {n}")
        rounds = [(ask(mine, f"encode {n}"), ask(others[n], f"encode {n}")) for _ in range(args.rounds)]
        ratios = sorted(b[1] / a[1] for a, b in rounds)
        row["threads"][n] = {
            "ours_mb_s_core": size / 1e6 / statistics.median(a[1] for a, _ in rounds), "peer_mb_s_core": size / 1e6 / statistics.median(b[1] for _, b in rounds),
            "ours_mb_s_wall": size / 1e6 / statistics.median(a[0] for a, _ in rounds), "peer_mb_s_wall": size / 1e6 / statistics.median(b[0] for _, b in rounds),
            "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1],
            "ratio_wall": statistics.median(b[0] / a[0] for a, b in rounds)}
    for worker in (mine, *others.values()):
        worker.end()
    return row


# ---- Output ------------------------------------------------------------------------------------------------------

def markdown(rows, memory):
    head = "| tokenizer | texts | peer | threads | MB/s a core | the peer's | ratio (least to most) | memory reads faster by |"
    lines = [head, "|" + "---|" * head.count(" | ") + "---|"]
    for row in rows:
        for n, t in row["threads"].items():
            lines.append(f"| {row['kind'].split()[0]}: {row['name']} | {row['texts']} | {row['peer']} | {n} | {t['ours_mb_s_core']:.0f} | {t['peer_mb_s_core']:.1f} "
                         f"| **{t['ratio']:.1f}** ({t['least']:.1f} to {t['most']:.1f}) | {memory[0] * 1000 / t['ours_mb_s_core']:.0f} × |")
    return "\n".join(lines) + f"\n\nMemory, one thread, same run: reads {memory[0]:.1f} GB/s, copies {memory[1]:.1f} GB/s.\n"


def svg(rows, threads):
    """Bars of the ratios; the line is the target."""
    height, out = 26, []
    most = max(row["threads"][threads]["most"] for row in rows)
    for i, row in enumerate(rows):
        t, y = row["threads"][threads], 40 + i * height
        width, target = 560 * t["ratio"] / most, TARGETS.get(row["kind"])
        out.append(f'<text x="250" y="{y + 14}" text-anchor="end">{row["name"]}, {row["texts"]} / {row["peer"]}</text>'
                   f'<rect x="260" y="{y}" width="{width:.0f}" height="18" fill="#4477aa"/><text x="{266 + width:.0f}" y="{y + 14}">{t["ratio"]:.1f} ×</text>')
        if target:
            x = 260 + 560 * target / most
            out.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{y - 2}" y2="{y + 20}" stroke="#cc3311" stroke-width="2"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{60 + len(rows) * height}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/><text x="20" y="22" font-size="14">Times as fast as the peer, {threads} thread(s); red: the target</text>{"".join(out)}</svg>\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=lambda s: [int(n) for n in s.split(",")], default=[1, 2])
    parser.add_argument("--out")
    args = parser.parse_args()
    rows, missed = [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sizes = {language: bench_texts.write(folder / language, make(int(args.megabytes * 1e6))) for language, make in (("English", bench_texts.english), ("Japanese", bench_texts.japanese), ("multilingual", multilingual))}
        worker = start([args.program, folder / "English"])
        memory = ask(worker, "memory")
        worker.end()
        for configuration in configurations(folder):
            kind, name, language = configuration[:3]
            if args.only not in f"{kind} {name} {language}":
                continue
            row = measure(args, folder, folder / language, sizes[language], configuration)
            rows.append(row)
            first = row["threads"][args.threads[0]]
            print(f"{kind} {name} {language}: {first['ours_mb_s_core']:.0f} MB/s, {first['ratio']:.1f} × {row['peer']}", file=sys.stderr, flush=True)
            if first["ratio"] < TARGETS.get(kind, 0):
                missed.append(f"{kind}: {name}, {language}")
    table = markdown(rows, memory)
    print(table)
    if args.out:
        out = pathlib.Path(args.out)
        out.mkdir(parents=True, exist_ok=True)
        (out / "speed.json").write_text(json.dumps({"memory_gb_s": {"read": memory[0], "copy": memory[1]}, "rows": rows}, indent=1) + "\n")
        (out / "speed.md").write_text(table)
        (out / "speed.svg").write_text(svg(rows, args.threads[0]))
    for what in missed:
        print(f"below its target: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
