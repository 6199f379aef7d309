using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Models with the shape of real ones and random weights, for speed. Rows repeat, which no kernel can tell.</summary>
internal sealed record ShapeModel(int Layers, int Width, int Heads, int KvHeads, int Hidden, int Vocabulary, int Experts = 1, int ExpertsUsed = 0)
{
    private const int DistinctRows = 61;

    public static IReadOnlyDictionary<string, ShapeModel> Shapes { get; } = new Dictionary<string, ShapeModel>
    {
        ["llama-1b"] = new(16, 2048, 32, 8, 8192, 128256), // Llama-3.2-1B
        ["smollm-135m"] = new(30, 576, 9, 3, 1536, 49152), // SmolLM2-135M
        ["moe-2b"] = new(16, 2048, 32, 8, 2048, 32000, Experts: 8, ExpertsUsed: 2), // Mixtral's graph, 0.6 of 1.8 billion weights active
        ["moe-2b-dense"] = new(16, 2048, 32, 8, 4096, 32000), // a dense model of as many weights as moe-2b has active
        ["llama-8b"] = new(32, 4096, 32, 8, 14336, 128256), // Llama-3.1-8B, tied here
    };

    /// <summary>Writes the model; the output matrix is tied to the embedding.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="mix">The format of every matrix, or <c>Q4_K_M</c> for the usual mixture.</param>
    /// <param name="vocabulary">A GGUF file whose tokenizer to take, of as many tokens as the shape has; null for one that reads no text.</param>
    public void Write(string path, string mix, string? vocabulary = null)
    {
        var type = mix == "Q4_K_M" ? GgmlType.Q4_K : Enum.TryParse<GgmlType>(mix, out var known) ? known : throw new ArgumentException($"There is no format '{mix}'.", nameof(mix));
        var high = mix == "Q4_K_M" ? GgmlType.Q6_K : type;      // of what matters more for its size
        var writer = new GgufWriter();
        writer.Set("general.architecture", GgufValue.Of("llama"));
        using var tokenizer = vocabulary is null ? null : GgufFile.Open(vocabulary);
        if (tokenizer is null)
        {
            writer.Set("tokenizer.ggml.model", GgufValue.Of("gpt2"));
            writer.Set("tokenizer.ggml.pre", GgufValue.Of("gpt-2"));
            writer.Set("tokenizer.ggml.tokens", GgufValue.Of(Enumerable.Range(0, Vocabulary).Select(id => $"t{id}").ToArray()));
            writer.Set("tokenizer.ggml.merges", GgufValue.Of(["t 0"]));
        }
        else
        {
            foreach (var key in tokenizer.Metadata.Keys.Where(key => key.StartsWith("tokenizer.", StringComparison.Ordinal)))
                writer.Set(key, tokenizer.Metadata[key]);
        }

        writer.Set("llama.attention.layer_norm_rms_epsilon", GgufValue.Of(1e-5f));
        writer.Set("llama.rope.freq_base", GgufValue.Of(500000f));
        foreach (var (key, count) in ((string, int)[])[("context_length", 131072), ("embedding_length", Width), ("block_count", Layers), ("feed_forward_length", Hidden), ("attention.head_count", Heads), ("attention.head_count_kv", KvHeads), ("rope.dimension_count", Width / Heads)])
            writer.Set($"llama.{key}", GgufValue.Of((uint)count));

        if (Experts > 1)
        {
            writer.Set("llama.expert_count", GgufValue.Of((uint)Experts));
            writer.Set("llama.expert_used_count", GgufValue.Of((uint)ExpertsUsed));
        }

        var kvWidth = Width / Heads * KvHeads;
        Matrix("token_embd", Width, Vocabulary, high);
        Gain("output_norm");
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"blk.{layer}.";
            var eighth = Layers / 8;
            var value = layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 == 2 ? high : type;
            Gain(prefix + "attn_norm");
            Matrix(prefix + "attn_q", Width, Width);
            Matrix(prefix + "attn_k", Width, kvWidth);
            Matrix(prefix + "attn_v", Width, kvWidth, value);
            Matrix(prefix + "attn_output", Width, Width);
            Gain(prefix + "ffn_norm");
            if (Experts > 1)
                Matrix(prefix + "ffn_gate_inp", Width, Experts, GgmlType.F32);
            var suffix = Experts > 1 ? "_exps" : "";
            Matrix(prefix + "ffn_gate" + suffix, Width, Hidden, experts: Experts);
            Matrix(prefix + "ffn_up" + suffix, Width, Hidden, experts: Experts);
            Matrix(prefix + "ffn_down" + suffix, Hidden, Width, value, Experts);
        }

        writer.Save(path);

        void Gain(string name) => writer.Add(name + ".weight", GgmlType.F32, [Width], stream =>
        {
            var ones = new float[Width];
            Array.Fill(ones, 1);
            stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(ones));
        });

        void Matrix(string name, int columns, int rows, GgmlType? other = null, int experts = 1) => writer.Add(name + ".weight", other ?? type, experts == 1 ? [columns, rows] : [columns, rows, experts], stream =>
        {
            var format = BlockFormats.Get(other ?? type);
            var random = new Random(name.Length * 7919 + rows);
            var values = new float[columns];
            var bytes = new byte[(int)format.RowBytes(columns) * DistinctRows];
            for (var row = 0; row < DistinctRows; row++)
            {
                for (var i = 0; i < columns; i++)
                    values[i] = (float)((random.NextDouble() * 2 - 1) / Math.Sqrt(columns));
                format.Quantize(values, bytes.AsSpan(row * (bytes.Length / DistinctRows), bytes.Length / DistinctRows));
            }

            for (var row = 0; row < rows * experts; row += DistinctRows)
                stream.Write(bytes.AsSpan(0, Math.Min(DistinctRows, (rows * experts) - row) * (bytes.Length / DistinctRows)));
        });
    }
}
