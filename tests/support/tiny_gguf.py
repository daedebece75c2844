#!/usr/bin/env python3
"""tiny_gguf.py OUT [--wild] [--seed N]: a random model of 1.7 MB that a llama-server can load.

The model is a two-layer "llama" with a byte-level vocabulary, a ChatML template and a context
of 8192. It writes nonsense, but what depends on its weights is real: sampling, grammars, token
counts, the prefix cache. By default it writes printable ASCII only; with --wild it writes raw
bytes too, ill-formed UTF-8 included, at which servers stumble. Its taste for quotes, zeros and
points makes strings short and most numbers lie from 0 to 1, so that a fair part of what it writes
under a JSON schema is a usable price. Standard library only.
"""
import argparse
import array
import pathlib
import random
import struct
import sys

ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9  # GGUF value types
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # kinds of tokens
EMBEDDING, FEED_FORWARD, HEADS, LAYERS, CONTEXT = 128, 256, 4, 2, 8192

# In units of the output weights: the layers outweigh the constant, so these are large.
TASTE = {'"': 45, "0": 54, ".": 48, "e": -60, "E": -60, "-": -300, "\\": -300}

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


class Vocabulary:
    """Specials, a token for each byte, and the printable ASCII characters."""

    def __init__(self):
        self.entries = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
        self.entries += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
        self.entries += [(text, -1.0, NORMAL) for text in
                         ["\u2581"] + [chr(code) for code in range(0x21, 0x7F)]]
        self.entries += [("<|im_start|>", 0.0, CONTROL), ("<|im_end|>", 0.0, CONTROL)]

    def column(self, which):
        return [entry[which] for entry in self.entries]

    def find(self, text):
        return self.column(0).index(text)

    def logit_bias(self, token):
        """Keeps a tame model to newline, space and printable ASCII, and lets it end."""
        text, _, kind = self.entries[token]
        if kind == NORMAL or text in ("</s>", "<|im_end|>", "<0x0A>"):
            return TASTE.get(text, 0.0)
        return -300.0


def encode_string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def encode_value(kind, value):
    if kind == STRING:
        return encode_string(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def encode_entry(key, kind, value):
    """A key with a value of KIND, or with an array of such when VALUE is a list."""
    head = encode_string(key)
    if not isinstance(value, list):
        return head + struct.pack("<I", kind) + encode_value(kind, value)
    items = b"".join(encode_value(kind, item) for item in value)
    return head + struct.pack("<IIQ", ARRAY, kind, len(value)) + items


def metadata(vocabulary):
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "tiny-random"),
        ("general.alignment", UINT32, ALIGNMENT),
        ("general.file_type", UINT32, 0),
        ("llama.vocab_size", UINT32, len(vocabulary.entries)),
        ("llama.context_length", UINT32, CONTEXT),
        ("llama.embedding_length", UINT32, EMBEDDING),
        ("llama.block_count", UINT32, LAYERS),
        ("llama.feed_forward_length", UINT32, FEED_FORWARD),
        ("llama.attention.head_count", UINT32, HEADS),
        ("llama.attention.head_count_kv", UINT32, HEADS),
        ("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        ("llama.rope.dimension_count", UINT32, EMBEDDING // HEADS),
        ("llama.rope.freq_base", FLOAT32, 10000.0),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.tokens", STRING, vocabulary.column(0)),
        ("tokenizer.ggml.scores", FLOAT32, vocabulary.column(1)),
        ("tokenizer.ggml.token_type", INT32, vocabulary.column(2)),
        ("tokenizer.ggml.bos_token_id", UINT32, vocabulary.find("<s>")),
        ("tokenizer.ggml.eos_token_id", UINT32, vocabulary.find("</s>")),
        ("tokenizer.ggml.unknown_token_id", UINT32, vocabulary.find("<unk>")),
        ("tokenizer.ggml.eot_token_id", UINT32, vocabulary.find("<|im_end|>")),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
        ("tokenizer.ggml.add_space_prefix", BOOL, False),
        ("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def tensors(vocabulary, seed):
    """(name, dimensions with the fastest first, values) of every weight."""
    normal = random.Random(seed).gauss

    def noise(count, spread):
        return array.array("f", (normal(0.0, spread) for _ in range(count)))

    def ones():
        return array.array("f", [1.0]) * EMBEDDING

    size = len(vocabulary.entries)
    # Attention's values weigh much, so that what is written depends on the prompt.
    square = (EMBEDDING, EMBEDDING)
    shapes = [("attn_q", square, 0.3), ("attn_k", square, 0.3), ("attn_v", square, 0.35),
              ("attn_output", square, 0.35), ("ffn_gate", (EMBEDDING, FEED_FORWARD), 0.12),
              ("ffn_up", (EMBEDDING, FEED_FORWARD), 0.12),
              ("ffn_down", (FEED_FORWARD, EMBEDDING), 0.12)]
    made = [("token_embd.weight", (EMBEDDING, size), noise(EMBEDDING * size, 1.0))]
    for layer in range(LAYERS):
        made += [(f"blk.{layer}.{name}_norm.weight", (EMBEDDING,), ones())
                 for name in ("attn", "ffn")]
        made += [(f"blk.{layer}.{name}.weight", shape, noise(shape[0] * shape[1], spread))
                 for name, shape, spread in shapes]
    made.append(("output_norm.weight", (EMBEDDING,), ones()))
    made.append(("output.weight", (EMBEDDING, size), noise(EMBEDDING * size, 0.12)))
    return made


def tame(vocabulary, weights):
    """Turn dimension 0 of the residual stream into a constant, hence a bias of each token.

    Every embedding holds 8 there and no layer writes to it, so behind the last norm it is
    close to one known value, and the output weight of that dimension sets a token's logit.
    """
    constant = 8.0
    behind_norm = constant / (constant * constant / EMBEDDING + 1.0) ** 0.5
    for name, shape, values in weights:
        if name == "token_embd.weight":
            for token in range(shape[1]):
                values[token * EMBEDDING] = constant
        elif name == "output.weight":
            for token in range(shape[1]):
                values[token * EMBEDDING] = vocabulary.logit_bias(token) / behind_norm
        elif name.endswith(("attn_output.weight", "ffn_down.weight")):
            for column in range(shape[0]):
                values[column] = 0.0


def padding(length):
    return b"\0" * (-length % ALIGNMENT)


def encode(entries, weights):
    index, data = b"", b""
    for name, shape, values in weights:
        index += encode_string(name) + struct.pack("<I", len(shape))
        index += b"".join(struct.pack("<Q", side) for side in shape)
        index += struct.pack("<IQ", 0, len(data))  # type 0: 32-bit floats
        if sys.byteorder == "big":
            values.byteswap()
        data += values.tobytes()
        data += padding(len(data))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(entries))
    head += b"".join(encode_entry(*entry) for entry in entries) + index
    return head + padding(len(head)) + data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wild", action="store_true", help="raw bytes, ill-formed UTF-8 too")
    options = parser.parse_args()
    vocabulary = Vocabulary()
    weights = tensors(vocabulary, options.seed)
    if not options.wild:
        tame(vocabulary, weights)
    options.out.write_bytes(encode(metadata(vocabulary), weights))


if __name__ == "__main__":
    main()
