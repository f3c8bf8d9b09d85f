#!/usr/bin/env python3
"""Writes a GGUF with random weights, small enough for tests: a real llama.cpp loads it in half a second and speaks in random words.

usage: make_tiny_gguf.py FILE        (needs the PyPI packages gguf and numpy; the same file every time)
"""
import sys

import gguf
import numpy

WIDTH, LAYERS, HEADS, CONTEXT = 64, 2, 4, 8192
WORDS = """anchor ballast beacon bow bridge buoy cable calm cargo channel chart coast compass crew current deck depth dock draft drift ebb
engine fathom flag fleet float freight gauge harbour hatch helm hold hull keel knot lantern line load log mark mast mooring pilot port quay
reef rope rudder sail shoal signal stern swell tide voyage wake watch weather""".split()
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def printable_bytes():
    """GPT-2's way to write each of the 256 bytes as one printable character."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}


def vocabulary():
    """Bytes, then every beginning of every word (so that merges lead to it), then three control tokens."""
    table = printable_bytes()
    tokens, merges = [table[b] for b in range(256)], []
    for word in WORDS:
        sofar = table[32]
        for letter in word:
            if f"{sofar} {letter}" not in merges:
                merges.append(f"{sofar} {letter}")
            sofar += letter
            if sofar not in tokens:
                tokens.append(sofar)
    whole = [tokens.index(table[32] + word) for word in WORDS]
    return tokens + ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], merges, whole


def describe(writer, tokens, merges):
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDTH * 3)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 3) + [gguf.TokenType.CONTROL] * 3)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens) - 3)
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def weigh(writer, tokens, whole):
    random = numpy.random.default_rng(11)

    def normal(*shape, scale=1.0):
        return (random.standard_normal(shape) * scale).astype(numpy.float32)

    output = normal(len(tokens), WIDTH, scale=0.6)
    unlikely = [i for i in range(len(tokens)) if i not in set(whole)]
    output[unlikely] *= 0.02
    output[-1] = 0.0  # the end of a text is unlikely, so that max_tokens decides how long it gets
    writer.add_tensor("token_embd.weight", normal(len(tokens), WIDTH))
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        writer.add_tensor(name + "attn_norm.weight", numpy.ones(WIDTH, numpy.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{name}{part}.weight", normal(WIDTH, WIDTH, scale=WIDTH**-0.5))
        writer.add_tensor(name + "ffn_norm.weight", numpy.ones(WIDTH, numpy.float32))
        writer.add_tensor(name + "ffn_gate.weight", normal(WIDTH * 3, WIDTH, scale=WIDTH**-0.5))
        writer.add_tensor(name + "ffn_up.weight", normal(WIDTH * 3, WIDTH, scale=WIDTH**-0.5))
        writer.add_tensor(name + "ffn_down.weight", normal(WIDTH, WIDTH * 3, scale=(WIDTH * 3) ** -0.5))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    writer.add_tensor("output.weight", output)


def main(path):
    tokens, merges, whole = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer, tokens, merges)
    weigh(writer, tokens, whole)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(sys.argv[1])
