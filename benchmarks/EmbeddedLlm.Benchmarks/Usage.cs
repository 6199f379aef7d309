namespace EmbeddedLlm.Benchmarks;

/// <summary>What this program can be asked for.</summary>
internal static class Usage
{
    /// <summary>Every command; "dotnet run -c Release --project benchmarks/EmbeddedLlm.Benchmarks --" stands before each.</summary>
    public static string Text { get; } = $"""
        shape llama-1b Q4_0 model.gguf [vocabulary.gguf]     writes a model of that shape and random weights, for `embedded-llm bench`
        encoder bert-base Q8_0 model.gguf                    writes an encoder of that shape
        recurrent mamba2-370m Q8_0 model.gguf                writes a model with recurrent steps of that shape
        tiers                                                times products of every format on every instruction set
        products                                             compares assembled products with intrinsics
        pack                                                 times the packing of weights
        in-file model.gguf 2 11                              compares packed weights with those that stay in the file: threads, turns
        backends model.gguf                                  compares the backends on a model
        kernels model.gguf 2 512                             shares of a step by kind of kernel: threads, rows
        rows model.gguf 2 30                                 what a step of 2 to 8 rows of a sequence costs beside one of one row: threads, turns
        experts moe.gguf dense.gguf 2 200                    compares a mixture of experts with a dense model of its active size: threads, turns
        embeddings model.gguf 2 4,8,16,64                    texts per second, one by one and together: threads, tokens of a text
        conversations model.gguf 2 1000 3                    a conversation saved and restored beside computed: threads, words, turns
        constraints vocabulary.gguf schemas.jsonl            times compiling and masks over a file of JSON schemas
        --filter '*Sampler*' --job short --inProcess         times kernels, formats, tokenizers, sampling: BenchmarkDotNet's arguments; --list flat names all
        Shapes: {string.Join(", ", ShapeModel.Shapes.Keys)}; of encoders: {string.Join(", ", EncoderShape.Shapes.Keys)}; recurrent: {string.Join(", ", RecurrentShape.Shapes.Keys)}.
        """;

    /// <summary>The shape of a name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists all.</exception>
    public static T Shape<T>(IReadOnlyDictionary<string, T> shapes, string name) =>
        shapes.TryGetValue(name, out var shape) ? shape : throw new ArgumentException($"There is no shape '{name}'. Known: {string.Join(", ", shapes.Keys)}.");
}
