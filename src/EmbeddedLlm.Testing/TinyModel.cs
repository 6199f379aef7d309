using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Testing;

/// <summary>
/// A real model of about 100 000 numbers, for tests and first steps: a Llama with a byte-level BPE vocabulary and a ChatML template. It has not been
/// trained: its layers are random and its output matrix is made from which tokens follow which in a few sentences, so it babbles English-looking words.
/// The same arguments give the same file, byte for byte.
/// </summary>
public static class TinyModel
{
    private const int Layers = 2;
    private const int HeadWidth = 16;
    private const int KvHeads = 2;
    private const int ContextLength = 2048;

    private const string Template =
        """{% for message in messages %}{{ "<|im_start|>" ~ message.role ~ "\n" ~ message.content ~ "<|im_end|>\n" }}{% endfor %}{% if add_generation_prompt %}{{ "<|im_start|>assistant\n" }}{% endif %}""";

    /// <summary>Writes the model to a file, which is less than 500 KB in 32-bit floats.</summary>
    /// <param name="path">The file to write; overwritten where it exists.</param>
    /// <param name="format">The format of the matrices. Formats in blocks of 256 make the model wider (256 instead of 64), and larger.</param>
    /// <param name="seed">Another seed gives another model.</param>
    /// <exception cref="NotSupportedException">This library does not have the format.</exception>
    public static void Write(string path, GgmlType format = GgmlType.F32, int seed = 0) => Make(format, seed).Save(path);

    /// <summary>Writes the model to a stream that can tell its position.</summary>
    /// <param name="stream">Where to write.</param>
    /// <param name="format">See <see cref="Write"/>.</param>
    /// <param name="seed">See <see cref="Write"/>.</param>
    /// <exception cref="NotSupportedException">This library does not have the format.</exception>
    public static void WriteTo(Stream stream, GgmlType format = GgmlType.F32, int seed = 0) => Make(format, seed).Write(stream);

    private static GgufWriter Make(GgmlType format, int seed)
    {
        var matrixFormat = BlockFormats.Get(format);
        var width = Math.Max(64, matrixFormat.Length);
        var vocabulary = new TinyVocabulary();
        var writer = new GgufWriter();
        Describe(writer, vocabulary, width);
        new Weights(writer, vocabulary, matrixFormat, width, seed).Add();
        return writer;
    }

    private static void Describe(GgufWriter writer, TinyVocabulary vocabulary, int width)
    {
        void Count(string key, int count) => writer.Set(key, GgufValue.Of((uint)count));

        writer.Set("general.architecture", GgufValue.Of("llama"));
        writer.Set("general.name", GgufValue.Of("Tiny babbling model"));
        Count("llama.context_length", ContextLength);
        Count("llama.embedding_length", width);
        Count("llama.block_count", Layers);
        Count("llama.feed_forward_length", 2 * width);
        Count("llama.attention.head_count", width / HeadWidth);
        Count("llama.attention.head_count_kv", KvHeads);
        Count("llama.rope.dimension_count", HeadWidth);
        writer.Set("llama.attention.layer_norm_rms_epsilon", GgufValue.Of(1e-5f));
        writer.Set("tokenizer.ggml.model", GgufValue.Of("gpt2"));
        writer.Set("tokenizer.ggml.pre", GgufValue.Of("gpt-2"));
        writer.Set("tokenizer.ggml.tokens", GgufValue.Of(vocabulary.Tokens));
        writer.Set("tokenizer.ggml.token_type", GgufValue.Of(vocabulary.Tokens.Select((_, id) => id < vocabulary.OrdinaryTokens ? 1 : 3).ToArray()));
        writer.Set("tokenizer.ggml.merges", GgufValue.Of(vocabulary.Merges));
        Count("tokenizer.ggml.bos_token_id", vocabulary.Id(TinyVocabulary.TextEnd));
        Count("tokenizer.ggml.eos_token_id", vocabulary.Id(TinyVocabulary.TurnEnd));
        writer.Set("tokenizer.ggml.add_bos_token", GgufValue.Of(false));
        writer.Set("tokenizer.chat_template", GgufValue.Of(Template));
    }

    private sealed class Weights(GgufWriter writer, TinyVocabulary vocabulary, BlockFormat format, int width, int seed)
    {
        // The first number of every hidden row is the same: what the output matrix has there is added to a token's logit.
        private const float Constant = 4;

        private readonly Random _random = new(seed);

        public void Add()
        {
            var embedding = Embedding();
            Matrix("token_embd.weight", embedding);
            for (var layer = 0; layer < Layers; layer++)
                AddLayer($"blk.{layer}.");
            Gain("output_norm.weight");
            Matrix("output.weight", Output(embedding));
        }

        private void AddLayer(string prefix)
        {
            Gain(prefix + "attn_norm.weight");
            Matrix(prefix + "attn_q.weight", RandomRows(width, width, 1));
            Matrix(prefix + "attn_k.weight", RandomRows(KvHeads * HeadWidth, width, 1));
            Matrix(prefix + "attn_v.weight", RandomRows(KvHeads * HeadWidth, width, 1));
            Matrix(prefix + "attn_output.weight", RandomRows(width, width, 0.4));
            Gain(prefix + "ffn_norm.weight");
            Matrix(prefix + "ffn_gate.weight", RandomRows(2 * width, width, 1));
            Matrix(prefix + "ffn_up.weight", RandomRows(2 * width, width, 1));
            Matrix(prefix + "ffn_down.weight", RandomRows(width, 2 * width, 0.4));
        }

        // Random signs: two different tokens are nearly at right angles.
        private float[][] Embedding() =>
            [.. vocabulary.Tokens.Select(_ => Enumerable.Range(0, width).Select(i => i == 0 ? Constant : _random.Next(2) * 2f - 1).ToArray())];

        // A token's row is the sum of the embeddings of the tokens it follows; tokens that never follow are held down by the constant.
        private float[][] Output(float[][] embedding)
        {
            var rows = embedding.Select(_ => new float[width]).ToArray();
            foreach (var row in rows)
                row[0] = -3;
            foreach (var ((token, next), count) in vocabulary.Followers)
            {
                var weight = (8 + 2 * MathF.Log(count)) / width;
                rows[next][0] = 0;
                for (var i = 1; i < width; i++)
                    rows[next][i] += weight * embedding[token][i];
            }

            return rows;
        }

        private float[][] RandomRows(int rows, int columns, double gain) =>
            [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, columns).Select(_ => (float)(Normal() * gain / Math.Sqrt(columns))).ToArray())];

        private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

        private void Gain(string name) => Add(name, BlockFormats.Get(GgmlType.F32), [Enumerable.Repeat(1f, width).ToArray()], width);

        private void Matrix(string name, float[][] rows) => Add(name, format, rows, rows[0].Length, rows.Length);

        private void Add(string name, BlockFormat format, float[][] rows, params ReadOnlySpan<long> dimensions)
        {
            var rowBytes = (int)format.RowBytes(rows[0].Length);
            var bytes = new byte[rowBytes * rows.Length];
            for (var row = 0; row < rows.Length; row++)
                format.Quantize(rows[row], bytes.AsSpan(row * rowBytes, rowBytes));
            writer.Add(name, format.Type, dimensions, stream => stream.Write(bytes));
        }
    }
}
