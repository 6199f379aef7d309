namespace EmbeddedLlm.Tests.Models;

/// <summary>Families for which there is no golden model, by GGUF's names.</summary>
internal static class SameGraphs
{
    /// <summary>Names whose graph is that of a golden model, if its file bore them.</summary>
    public static readonly (string Name, string Golden)[] Exact =
    [
        ("baichuan", "llama"), ("chatglm", "llama"), ("codeshell", "starcoder2"), ("ernie4_5", "llama"), ("exaone", "qwen2"), ("internlm2", "llama"), ("lfm2moe", "lfm2"),
        ("orion", "stablelm"), ("pangu-embedded", "qwen2"), ("qwen", "qwen2"), ("qwen2vl", "qwen2"), ("qwen35moe", "qwen35"), ("qwen3vl", "qwen3"), ("qwen3vlmoe", "qwen3moe"),
        ("starcoder", "gpt2"), ("xverse", "llama"),
    ];

    /// <summary>Names with a graph of their own, of parts that golden models have. The golden model is the nearest.</summary>
    public static readonly (string Name, string Golden)[] Near =
    [
        ("bailingmoe", "llama_moe"), ("dbrx", "llama_moe"), ("deepseek", "llama_moe"), ("eurobert", "llama"), ("hunyuan-dense", "qwen3"), ("hunyuan-moe", "qwen3moe"),
        ("jais", "llama"), ("jina-bert-v3", "nomic-bert"), ("llama-embed", "llama"), ("maincoder", "qwen3"), ("minicpm", "llama"), ("olmo", "llama"), ("plamo", "llama"),
        ("refact", "llama"), ("seed_oss", "qwen2"),
    ];
}
