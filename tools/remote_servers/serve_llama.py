#!/usr/bin/env python3
"""llama.cpp's own server, from the xllamacpp package, with a GGUF model of embeddings:  serve_llama.py MODEL.gguf PORT"""
import sys
import time

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = int(sys.argv[2])
params.embedding = True
params.n_ctx = params.n_batch = params.n_ubatch = 4096
params.n_parallel = 2
params.warmup = False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.model_alias = "minilm"
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
while True:
    time.sleep(60)
