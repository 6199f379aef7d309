using System.Runtime.InteropServices;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Encoders of the BERT family with the shape of real ones and random weights, for speed. They read tokens, no text.</summary>
internal sealed record EncoderShape(int Layers, int Width, int Heads, int Hidden)
{
    private const int Vocabulary = 30522, Positions = 512;

    public static IReadOnlyDictionary<string, EncoderShape> Shapes { get; } = new Dictionary<string, EncoderShape>
    {
        ["minilm-l6"] = new(6, 384, 12, 1536), // all-MiniLM-L6-v2
        ["bert-base"] = new(12, 768, 12, 3072), // bge-base, e5-base
    };

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="type">The format of every matrix.</param>
    public void Write(string path, GgmlType type)
    {
        var writer = new GgufWriter();
        writer.Set("general.architecture", GgufValue.Of("bert"));
        writer.Set("bert.attention.layer_norm_epsilon", GgufValue.Of(1e-12f));
        writer.Set("bert.attention.causal", GgufValue.Of(false));
        foreach (var (key, count) in ((string, int)[])[("context_length", Positions), ("embedding_length", Width), ("block_count", Layers), ("feed_forward_length", Hidden), ("attention.head_count", Heads), ("pooling_type", 1)])
            writer.Set($"bert.{key}", GgufValue.Of((uint)count));

        Matrix("token_embd", Width, Vocabulary);
        Matrix("token_types", Width, 2);
        Matrix("position_embd", Width, Positions);
        Norm("token_embd_norm");
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"blk.{layer}.";
            foreach (var name in (string[])["attn_q", "attn_k", "attn_v", "attn_output"])
                Product(prefix + name, Width, Width);
            Norm(prefix + "attn_output_norm");
            Product(prefix + "ffn_up", Width, Hidden);
            Product(prefix + "ffn_down", Hidden, Width);
            Norm(prefix + "layer_output_norm");
        }

        writer.Save(path);

        void Norm(string name)
        {
            Vector(name + ".weight", Width, 1);
            Vector(name + ".bias", Width, 0);
        }

        void Product(string name, int columns, int rows)
        {
            Matrix(name, columns, rows);
            Vector(name + ".bias", rows, 0);
        }

        void Vector(string name, int length, float value) => writer.Add(name, GgmlType.F32, [length], stream =>
            stream.Write(MemoryMarshal.AsBytes<float>([.. Enumerable.Repeat(value, length)])));

        void Matrix(string name, int columns, int rows) => writer.Add(name + ".weight", type, [columns, rows], stream =>
        {
            var format = BlockFormats.Get(type);
            var random = new Random(name.Length * 7919 + rows);
            var bytes = new byte[format.RowBytes(columns)];
            for (var row = 0; row < rows; row++)
            {
                format.Quantize([.. Enumerable.Range(0, columns).Select(_ => (float)((random.NextDouble() * 2 - 1) / Math.Sqrt(columns)))], bytes);
                stream.Write(bytes);
            }
        });
    }
}
