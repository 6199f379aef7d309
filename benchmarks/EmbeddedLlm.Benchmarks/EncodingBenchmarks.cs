using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Benchmarks;

/// <summary>
/// Text into tokens, in bytes of UTF-8 per second: one million characters of a text file. Needs a vocabulary and a text: the variable
/// EMBEDDEDLLM_VOCABULARY names a GGUF file, EMBEDDEDLLM_TEXT a text file.
/// </summary>
public class EncodingBenchmarks
{
    private Tokenization.Tokenizer _fresh = null!;
    private Tokenization.Tokenizer _used = null!;
    private string _text = "";

    /// <summary>What is encoded.</summary>
    public enum Text
    {
        /// <summary>The text file.</summary>
        File,

        /// <summary>One word of one letter.</summary>
        OneLetter,

        /// <summary>Spaces alone.</summary>
        Spaces,

        /// <summary>Emoji alone.</summary>
        Emoji,
    }

    /// <summary>What is encoded.</summary>
    [Params(Text.File, Text.OneLetter, Text.Spaces, Text.Emoji)]
    public Text Kind { get; set; }

    /// <summary>Reads the vocabulary and the text.</summary>
    [GlobalSetup]
    public void Load()
    {
        _used = Open();
        const int Length = 1_000_000;
        _text = Kind switch
        {
            Text.File => File.ReadAllText(Named("EMBEDDEDLLM_TEXT")),
            Text.OneLetter => new string('a', Length),
            Text.Spaces => new string(' ', Length),
            _ => string.Concat(Enumerable.Repeat("🙂", Length / 4)),
        };
        _text = _text[..Math.Min(Length, _text.Length)];
        Console.WriteLine($"// {System.Text.Encoding.UTF8.GetByteCount(_text)} bytes");
    }

    /// <summary>A tokenizer that has seen no word yet.</summary>
    [IterationSetup(Target = nameof(FirstTime))]
    public void Forget() => _fresh = Open();

    /// <summary>Every word is new to the tokenizer when it first comes.</summary>
    [Benchmark]
    public int FirstTime() => _fresh.Encode(_text, addSpecial: false, parseSpecial: false).Length;

    /// <summary>The words are known.</summary>
    [Benchmark]
    public int Again() => _used.Encode(_text, addSpecial: false, parseSpecial: false).Length;

    private static Tokenization.Tokenizer Open()
    {
        using var file = GgufFile.Open(Named("EMBEDDEDLLM_VOCABULARY"));
        return Tokenization.Tokenizer.FromGguf(file.Metadata);
    }

    private static string Named(string variable) => Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} names no file.");
}
