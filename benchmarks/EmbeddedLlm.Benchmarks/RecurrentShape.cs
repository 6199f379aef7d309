using System.Runtime.InteropServices;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Models with recurrent steps in the shape of real ones, with random weights, for speed.</summary>
internal sealed record RecurrentShape(string Family, int Layers, int Width, int Hidden, int Inner, int Heads, int Groups, int State)
{
    private const int Vocabulary = 32768, DistinctRows = 61, HeadWidth = 64, Interval = 4;

    public static IReadOnlyDictionary<string, RecurrentShape> Shapes { get; } = new Dictionary<string, RecurrentShape>
    {
        ["mamba2-370m"] = new("mamba2", 48, 1024, 0, 2048, 32, 1, 128),
        ["lfm2-700m"] = new("lfm2", 16, 1536, 6912, 0, 0, 0, 0),
        ["qwen35-0.8b"] = new("qwen35", 24, 1024, 3584, 2048, 16, 16, 128),
    };

    private int AttentionHeads => Width / HeadWidth;

    /// <summary>Writes the model; the output matrix is tied to the embedding.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="type">The format of every matrix.</param>
    public void Write(string path, GgmlType type)
    {
        var writer = new GgufWriter();
        writer.Set("general.architecture", GgufValue.Of(Family));
        writer.Set($"{Family}.attention.layer_norm_rms_epsilon", GgufValue.Of(1e-5f));
        foreach (var (key, count) in ((string, int)[])[
            ("context_length", 131072), ("embedding_length", Width), ("block_count", Layers), ("attention.head_count", AttentionHeads), ("attention.head_count_kv", AttentionHeads / 4),
            ("ssm.inner_size", Inner), ("ssm.time_step_rank", Heads), ("ssm.group_count", Groups), ("ssm.state_size", State), ("ssm.conv_kernel", 4)])
            writer.Set($"{Family}.{key}", GgufValue.Of((uint)count));

        Matrix("token_embd", Width, Vocabulary);
        Vector(Family == "lfm2" ? "token_embd_norm.weight" : "output_norm.weight", Width, 1);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"blk.{layer}.";
            Vector(prefix + "attn_norm.weight", Width, 1);
            if (Family == "mamba2")
                AddStateSpace(prefix);
            else if (layer % Interval == Interval - 1)
                AddAttention(prefix);
            else if (Family == "lfm2")
                AddShortConvolution(prefix);
            else
                AddGatedDelta(prefix);
            if (Hidden == 0)
                continue;
            Vector(prefix + (Family == "lfm2" ? "ffn_norm" : "post_attention_norm") + ".weight", Width, 1);
            Matrix(prefix + "ffn_gate", Width, Hidden);
            Matrix(prefix + "ffn_up", Width, Hidden);
            Matrix(prefix + "ffn_down", Hidden, Width);
        }

        writer.Save(path);

        void AddStateSpace(string prefix)
        {
            var channels = Inner + 2 * Groups * State;
            Matrix(prefix + "ssm_in", Width, Inner + channels + Heads);
            Numbers(prefix + "ssm_conv1d.weight", 4, channels);
            Vector(prefix + "ssm_conv1d.bias", channels, 0.1f);
            Vector(prefix + "ssm_dt.bias", Heads, -2);
            Numbers(prefix + "ssm_a", 1, Heads, -1);
            Numbers(prefix + "ssm_d", 1, Heads, 1);
            Numbers(prefix + "ssm_norm.weight", Inner / Groups, Groups, 1);
            Matrix(prefix + "ssm_out", Inner, Width);
        }

        void AddGatedDelta(string prefix)
        {
            var channels = Inner + 2 * Groups * State;
            Matrix(prefix + "attn_qkv", Width, channels);
            Matrix(prefix + "attn_gate", Width, Inner);
            Matrix(prefix + "ssm_alpha", Width, Heads);
            Matrix(prefix + "ssm_beta", Width, Heads);
            Numbers(prefix + "ssm_conv1d.weight", 4, channels);
            Vector(prefix + "ssm_dt.bias", Heads, -2);
            Vector(prefix + "ssm_a", Heads, -1);
            Vector(prefix + "ssm_norm.weight", Inner / Heads, 1);
            Matrix(prefix + "ssm_out", Inner, Width);
        }

        void AddShortConvolution(string prefix)
        {
            Matrix(prefix + "shortconv.in_proj", Width, 3 * Width);
            Numbers(prefix + "shortconv.conv.weight", 3, Width);
            Matrix(prefix + "shortconv.out_proj", Width, Width);
        }

        void AddAttention(string prefix)
        {
            Matrix(prefix + "attn_q", Width, Family == "qwen35" ? 2 * Width : Width);
            Matrix(prefix + "attn_k", Width, Width / 4);
            Matrix(prefix + "attn_v", Width, Width / 4);
            Vector(prefix + "attn_q_norm.weight", HeadWidth, 1);
            Vector(prefix + "attn_k_norm.weight", HeadWidth, 1);
            Matrix(prefix + "attn_output", Width, Width);
        }

        void Vector(string name, int length, float value) => writer.Add(name, GgmlType.F32, [length], stream =>
            stream.Write(MemoryMarshal.AsBytes<float>([.. Enumerable.Repeat(value, length)])));

        void Numbers(string name, int columns, int rows, float value = 0.25f) => writer.Add(name, GgmlType.F32, [columns, rows], stream =>
            stream.Write(MemoryMarshal.AsBytes<float>([.. Enumerable.Repeat(value, columns * rows)])));

        void Matrix(string name, int columns, int rows) => writer.Add(name + ".weight", type, [columns, rows], stream =>
        {
            var format = BlockFormats.Get(type);
            var random = new Random(name.Length * 7919 + rows);
            var distinct = new byte[DistinctRows][];
            for (var row = 0; row < DistinctRows; row++)
                format.Quantize([.. Enumerable.Range(0, columns).Select(_ => (float)((random.NextDouble() * 2 - 1) / Math.Sqrt(columns)))], distinct[row] = new byte[format.RowBytes(columns)]);
            for (var row = 0; row < rows; row++)
                stream.Write(distinct[row % DistinctRows]);
        });
    }
}
