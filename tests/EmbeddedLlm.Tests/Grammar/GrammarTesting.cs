using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Tokenizers and short ways to ask constraints.</summary>
internal static class GrammarTesting
{
    private static readonly ConcurrentDictionary<string, Tokenizer> Tokenizers = new();

    /// <summary>The vocabulary of the model that ships with the samples: byte-level, always there.</summary>
    public static Tokenizer Tiny => Open(EmbeddedLlm.Tests.Golden.TinyModel);

    /// <summary>A real vocabulary of the golden data; skips where that is absent.</summary>
    public static Tokenizer Golden(string name) => Open(EmbeddedLlm.Tests.Golden.Path("tokenizers", "vocab", $"ggml-vocab-{name}.gguf"));

    public static Constraint Schema(string schema, ConstraintOptions? options = null) =>
        Constraint.FromJsonSchema(JsonDocument.Parse(schema).RootElement, Tiny, options);

    /// <summary>Whether a text is complete under a constraint.</summary>
    public static bool Accepts(Constraint constraint, string text)
    {
        var state = constraint.Start();
        var bytes = Encoding.UTF8.GetBytes(text);
        return state.AcceptText(bytes) == bytes.Length && state.IsComplete;
    }

    public static bool Allows(ulong[] mask, int token) => (mask[token >> 6] >> token & 1) != 0;

    private static Tokenizer Open(string path) => Tokenizers.GetOrAdd(path, file =>
    {
        using var gguf = GgufFile.Open(file);
        return Tokenizer.FromGguf(gguf.Metadata);
    });
}
