"""A peer's worker of bench/peers/run: peer.py PEER MODEL THREADS TEXTS...; answers as embed_texts does.

Each peer is used as its own documentation shows for a CPU, with the same number of threads, fp32 where nothing else is said, and
the limit of 256 tokens. A batch of 0 is the peer's default.
"""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import worker  # noqa: E402

import numpy as np  # noqa: E402

LIMIT = 256
TEXTS_AT_ONCE = 8    # of llama.cpp, whose batch is set when the model is opened


def mean_l2(hidden, mask):
    """Mean over the tokens that count, scaled to length 1. hidden: [texts, tokens, dim], mask: [texts, tokens]."""
    mask = mask[..., None].astype(np.float32)
    vectors = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def open_tokenizer(folder):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LIMIT)
    return tokenizer


def in_threads(n, work, items):
    """work(thread, item) for each item, n at a time."""
    left, lock, failed = iter(items), threading.Lock(), []

    def run(number):
        try:
            while True:
                with lock:
                    item = next(left, None)
                if item is None:
                    return
                work(number, item)
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


# ---- sentence-transformers, on its three backends ---------------------------------------------------------------------

def sentence_transformers(folder, threads, **how):
    from sentence_transformers import SentenceTransformer
    import torch
    torch.set_num_threads(threads)
    model = SentenceTransformer(str(folder), device="cpu", **how)
    return lambda texts, batch: model.encode(texts, batch_size=batch or 32, show_progress_bar=False)


def torch_fp32(folder, threads):
    import torch
    return sentence_transformers(folder, threads, model_kwargs={"dtype": torch.float32})


def st_onnx(folder, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return sentence_transformers(folder, threads, backend="onnx", model_kwargs={"provider": "CPUExecutionProvider", "session_options": options, "file_name": "model.onnx"})


def st_openvino(folder, threads):
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return sentence_transformers(folder, threads, backend="openvino", model_kwargs={"ov_config": config, "device": "CPU"})


# ---- OpenVINO with 8 bits, calibrated; a text a run, a stream a thread --------------------------------------------------

def openvino_int8(folder, threads):
    import openvino
    tokenizer = open_tokenizer(folder)
    core = openvino.Core()
    compiled = core.compile_model(str(folder / "model.xml"), "CPU", {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads})
    names = [port.any_name for port in compiled.inputs]
    queue = openvino.AsyncInferQueue(compiled, threads)

    def embed(texts, batch):
        encodings = tokenizer.encode_batch_fast(texts)
        vectors = np.empty((len(texts), compiled.outputs[0].partial_shape[2].get_length()), np.float32)

        def done(request, row):
            hidden = request.get_output_tensor(0).data
            vectors[row] = mean_l2(hidden, np.ones(hidden.shape[:2]))[0]
        queue.set_callback(done)
        for row in sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids)):
            ids = np.array([encodings[row].ids], np.int64)
            queue.start_async({name: ids if name == "input_ids" else np.ones_like(ids) if name == "attention_mask" else np.zeros_like(ids) for name in names}, row)
        queue.wait_all()
        return vectors
    return embed


# ---- fastembed --------------------------------------------------------------------------------------------------------

def fastembed(folder, threads):
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType
    TextEmbedding.add_custom_model("local/model", pooling=PoolingType.MEAN, normalization=True, sources=ModelSource(hf="local/model"), dim=384,
                                   model_file="model.onnx")
    model = TextEmbedding("local/model", specific_model_path=str(folder), threads=threads, providers=["CPUExecutionProvider"])
    return lambda texts, batch: np.stack(list(model.embed(texts, batch_size=batch or 256)))


# ---- CTranslate2 --------------------------------------------------------------------------------------------------------

def ctranslate2_as(folder, threads, compute_type):
    import ctranslate2
    tokenizer = open_tokenizer(folder)
    encoder = ctranslate2.Encoder(str(folder), device="cpu", compute_type=compute_type, inter_threads=1, intra_threads=threads)

    def embed(texts, batch):
        encodings = tokenizer.encode_batch_fast(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        vectors, batch = None, batch or 32
        for at in range(0, len(order), batch):
            rows = order[at:at + batch]
            ids = [encodings[i].ids for i in rows]
            hidden = np.array(encoder.forward_batch(ids).last_hidden_state)
            mask = np.arange(hidden.shape[1])[None] < np.array([len(i) for i in ids])[:, None]
            if vectors is None:
                vectors = np.empty((len(texts), hidden.shape[2]), np.float32)
            vectors[rows] = mean_l2(hidden, mask)
        return vectors
    return embed


def ctranslate2_fp32(folder, threads):
    return ctranslate2_as(folder, threads, "float32")


def ctranslate2_int8(folder, threads):
    return ctranslate2_as(folder, threads, "int8")


# ---- ONNX Runtime, used as well as it can be: a text a run, no padding, a thread each ------------------------------------

def onnxruntime_file(folder, threads):
    import onnxruntime
    tokenizer = open_tokenizer(folder)

    def session(n):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, ["CPUExecutionProvider"])
    alone, sessions = session(threads), [session(1) for _ in range(threads)]
    names = [i.name for i in alone.get_inputs()]

    def run(chosen, encoding):
        ids = np.array([encoding.ids], np.int64)
        hidden = chosen.run(None, {n: ids if n == "input_ids" else np.ones_like(ids) if n == "attention_mask" else np.zeros_like(ids) for n in names})[0]
        return mean_l2(hidden, np.ones(hidden.shape[:2]))[0]

    def embed(texts, batch):
        encodings = tokenizer.encode_batch_fast(texts)
        if len(texts) == 1:
            return run(alone, encodings[0])[None]
        vectors = [None] * len(texts)

        def one(thread, row):
            vectors[row] = run(sessions[thread], encodings[row])
        in_threads(threads, one, sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids)))
        return np.stack(vectors)
    return embed


# ---- llama.cpp ----------------------------------------------------------------------------------------------------------

def llama_cpp(folder, threads):
    import xllamacpp
    tokenizer = open_tokenizer(folder)
    params = xllamacpp.CommonParams()
    params.model.path = str(folder / "model.gguf")
    params.embedding = True
    params.n_parallel = TEXTS_AT_ONCE
    params.n_ctx = params.n_batch = params.n_ubatch = TEXTS_AT_ONCE * LIMIT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)

    def embed(texts, batch):
        """Given as ids: llama.cpp has no limit of tokens to cut at, and refuses what is too long for it."""
        answer = server.handle_embeddings({"input": [e.ids for e in tokenizer.encode_batch_fast(texts)]})
        return np.array([row["embedding"] for row in sorted(answer["data"], key=lambda row: row["index"])], np.float32)
    return embed


PEERS = {"sentence-transformers": torch_fp32, "sentence-transformers ONNX": st_onnx, "sentence-transformers OpenVINO": st_openvino,
         "OpenVINO int8": openvino_int8, "fastembed": fastembed, "CTranslate2": ctranslate2_fp32, "CTranslate2 int8": ctranslate2_int8,
         "ONNX Runtime": onnxruntime_file, "ONNX Runtime dynamic int8": onnxruntime_file, "ONNX Runtime MatMulNBits": onnxruntime_file,
         "llama.cpp": llama_cpp}

if __name__ == "__main__":
    peer, directory, n_threads, *files = sys.argv[1:]
    worker.serve(lambda: PEERS[peer](pathlib.Path(directory), int(n_threads)), files)
