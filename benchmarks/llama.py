"""llama.cpp as a side of the prediction benchmark: the same weights as a GGUF file, decoded through its batch interface.

The prefix that rows share is computed once and its cells are shared by all sequences; finished rows leave, waiting rows
enter. That is what its server does with a unified cache, without the cost of HTTP.
"""

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.rendering import Ids, Row

BATCH = 2048  # most tokens of one call


def convert(model: Path, gguf: Path) -> None:
    """Write a Llama model's folder as a bf16 GGUF file without a vocabulary: token ids go in and out."""
    import torch
    from gguf import MODEL_ARCH, GGMLQuantizationType, GGUFWriter, get_tensor_name_map
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    config = loaded.config
    heads = {"q_proj.weight": config.num_attention_heads, "k_proj.weight": config.num_key_value_heads}
    writer = GGUFWriter(gguf, "llama")
    _describe(writer, config)
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in loaded.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        for ending, count in heads.items():
            if name.endswith(ending):
                weight = _interleaved(weight, count)
        target = names.get_name(name, try_suffixes=(".weight",))
        if weight.ndim == 1:
            writer.add_tensor(target, weight.float().numpy())
        else:
            plain = weight.contiguous().view(torch.uint8).numpy()
            writer.add_tensor(target, plain, raw_dtype=GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, config: Any) -> None:
    head = config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("no_vocab")


def _interleaved(weight: Any, heads: int) -> Any:
    """Rows of queries or keys in llama.cpp's order: it rotates neighbours, transformers halves of a head."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


class LlamaCpp:
    """A model with its tokenizer's end tokens, decoding greedily over `slots` sequences at a time."""

    def __init__(self, gguf: Path, stops: frozenset[int]) -> None:
        import llama_cpp

        self.api, self.stops = llama_cpp, stops
        self.quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.quiet, None)
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(gguf).encode(), llama_cpp.llama_model_default_params())
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self.context, self.opened = None, None

    def tokens(self, rows: Sequence[Row], slots: int, max_tokens: int) -> list[list[int]]:
        """The tokens generated for rows with one shared prefix, which stays cached between calls."""
        shared = rows[0].shared
        self._open(shared, slots, max(len(row.own) for row in rows) + max_tokens)
        memory = self.api.llama_get_memory(self.context)
        waiting = deque(enumerate(rows))
        made: list[list[int]] = [[] for _ in rows]
        running: dict[int, int] = {}  # the row in each sequence; sequence 0 keeps the prefix
        while waiting or running:
            fed = [
                (made[i][-1], len(shared) + len(rows[i].own) + len(made[i]) - 1, s, True) for s, i in running.items()
            ]
            for sequence in range(1, slots + 1):
                if sequence not in running and waiting:
                    running[sequence], row = waiting.popleft()
                    self.api.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
                    last = len(row.own) - 1
                    fed += [(t, len(shared) + k, sequence, k == last) for k, t in enumerate(row.own)]
            for sequence, token in self._decode(fed).items():
                row_made = made[running[sequence]]
                if token not in self.stops:
                    row_made.append(token)
                if token in self.stops or len(row_made) == max_tokens:
                    del running[sequence]
                    self.api.llama_memory_seq_rm(memory, sequence, -1, -1)
        return made

    def _open(self, shared: Ids, slots: int, length: int) -> None:
        """A context with the prefix in sequence 0 and room for `slots` rows of `length`; the last one serves again."""
        if self.opened == (shared, slots, length):
            return
        if self.context:
            self.api.llama_free(self.context)
        settings = self.api.llama_context_default_params()
        settings.n_ctx = len(shared) + slots * length
        settings.n_batch = settings.n_ubatch = BATCH
        settings.n_seq_max = slots + 1
        settings.kv_unified = True
        settings.n_threads = settings.n_threads_batch = os.cpu_count()
        self.context, self.opened = self.api.llama_init_from_model(self.model, settings), (shared, slots, length)
        self._decode([(token, place, 0, False) for place, token in enumerate(shared)])

    def _decode(self, fed: Sequence[tuple[int, int, int, bool]]) -> dict[int, int]:
        """Run (token, position, sequence, whether to choose the next token); the likeliest next token of each sequence."""
        chosen = {}
        for start in range(0, len(fed), BATCH):
            piece = fed[start : start + BATCH]
            self.batch.n_tokens = len(piece)
            for k, (token, position, sequence, wanted) in enumerate(piece):
                self.batch.token[k], self.batch.pos[k] = token, position
                self.batch.n_seq_id[k], self.batch.seq_id[k][0] = 1, sequence
                self.batch.logits[k] = wanted
            if self.api.llama_decode(self.context, self.batch):
                raise RuntimeError("llama_decode failed")
            for k, (_, _, sequence, wanted) in enumerate(piece):
                if wanted:
                    logits = self.api.llama_get_logits_ith(self.context, k)
                    chosen[sequence] = int(np.ctypeslib.as_array(logits, shape=(self.vocabulary,)).argmax())
        return chosen
