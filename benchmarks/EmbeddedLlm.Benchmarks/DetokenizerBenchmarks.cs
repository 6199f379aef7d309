using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Text out of a stream of tokens, per token. Needs a vocabulary: the variable EMBEDDEDLLM_VOCABULARY names a GGUF file.</summary>
[MemoryDiagnoser]
public class DetokenizerBenchmarks
{
    private const int Tokens = 4096;

    private int[] _ids = [];
    private Detokenizer _detokenizer = null!;

    /// <summary>What the tokens are.</summary>
    public enum Stream
    {
        /// <summary>Those of a text, some of whose characters take several tokens.</summary>
        Prose,

        /// <summary>Any of the vocabulary: mostly words, among them parts of characters that fit nothing.</summary>
        AnyTokens,
    }

    /// <summary>What the tokens are.</summary>
    [Params(Stream.Prose, Stream.AnyTokens)]
    public Stream Kind { get; set; }

    /// <summary>Makes the tokens.</summary>
    [GlobalSetup]
    public void Load()
    {
        using var file = GgufFile.Open(Environment.GetEnvironmentVariable("EMBEDDEDLLM_VOCABULARY") ?? throw new InvalidOperationException("EMBEDDEDLLM_VOCABULARY names no file."));
        var tokenizer = Tokenization.Tokenizer.FromGguf(file.Metadata);
        var random = new Random(1);
        const string Sentence = "Once upon a time there was a model that lived inside an app, answered in 37 words or fewer — 𝔬𝔫 a café's 🙂 own machine — and never called home. ";
        _ids = Kind == Stream.Prose
            ? [.. tokenizer.Encode(string.Concat(Enumerable.Repeat(Sentence, 200)), addSpecial: false).Take(Tokens)]
            : [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(tokenizer.VocabularySize))];
        _detokenizer = tokenizer.CreateDetokenizer();
    }

    /// <summary>The stream of a <see cref="Detokenizer"/>.</summary>
    [Benchmark(OperationsPerInvoke = Tokens)]
    public int Append()
    {
        var length = 0;
        foreach (var id in _ids)
            length += _detokenizer.Append(id).Length;
        return length;
    }
}
