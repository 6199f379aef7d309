using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;
using Microsoft.ML.Tokenizers;
using Library = Microsoft.ML.Tokenizers;

namespace EmbeddedLlm.Benchmarks;

/// <summary>
/// Byte-level BPE, ours beside Microsoft.ML.Tokenizers with our word splitter in it. The results are why this library merges itself
/// (docs/architecture.md). Needs a vocabulary: the variable EMBEDDEDLLM_VOCABULARY names a GGUF file.
/// </summary>
public class TokenizerBenchmarks
{
    private Tokenization.Tokenizer _ours = null!;
    private BpeTokenizer _library = null!;
    private string _text = "";

    /// <summary>What is encoded.</summary>
    public enum Text
    {
        /// <summary>Short words, most of them seen before.</summary>
        Prose,

        /// <summary>One word of one letter.</summary>
        OneLetter,
    }

    /// <summary>What is encoded.</summary>
    [Params(Text.Prose, Text.OneLetter)]
    public Text Kind { get; set; }

    /// <summary>Length of the text in thousands of characters.</summary>
    [Params(16, 32)]
    public int Thousands { get; set; }

    /// <summary>Makes both tokenizers and the text.</summary>
    [GlobalSetup]
    public void Load()
    {
        using var file = GgufFile.Open(Environment.GetEnvironmentVariable("EMBEDDEDLLM_VOCABULARY") ?? throw new InvalidOperationException("EMBEDDEDLLM_VOCABULARY names no file."));
        _ours = Tokenization.Tokenizer.FromGguf(file.Metadata);
        var tokens = file.Metadata.GetStrings("tokenizer.ggml.tokens");
        _library = BpeTokenizer.Create(new BpeOptions(tokens.Select((token, id) => KeyValuePair.Create(token, id)))
        {
            Merges = file.Metadata.GetStrings("tokenizer.ggml.merges"),
            ByteLevel = true,
            PreTokenizer = new Splitter(PreTokenizers.Find(file.Metadata)),
        });

        const string Sentence = "Once upon a time there was a model that lived inside an app, answered in 37 words or fewer, and never called home. ";
        var length = Thousands * 1000;
        _text = Kind == Text.Prose ? string.Concat(Enumerable.Repeat(Sentence, (length / Sentence.Length) + 1))[..length] : new string('a', length);
        if (!_ours.Encode(_text, addSpecial: false, parseSpecial: false).SequenceEqual(_library.EncodeToIds(_text)))
            throw new InvalidOperationException("The two disagree.");
    }

    /// <summary>The library.</summary>
    [Benchmark(Baseline = true)]
    public int MicrosoftMLTokenizers() => _library.EncodeToIds(_text).Count;

    /// <summary>Ours.</summary>
    [Benchmark]
    public int EmbeddedLlm() => _ours.Encode(_text, addSpecial: false, parseSpecial: false).Length;

    private sealed class Splitter(Tokenization.PreTokenizer words) : Library.PreTokenizer
    {
        public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => Spans(text);

        public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => Spans(text);

        private List<(int Offset, int Length)> Spans(ReadOnlySpan<char> text)
        {
            var spans = new List<(int, int)>();
            var start = 0;
            foreach (var end in words.Split(text))
            {
                spans.Add((start, end - start));
                start = end;
            }

            return spans;
        }
    }
}
