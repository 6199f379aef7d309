namespace EmbeddedLlm.Tests.Tokenization;

/// <summary>Where golden strings and their vocabularies are.</summary>
internal static class GoldenTokenizers
{
    /// <summary>Names of the files of a folder of golden/tokenizers; where the golden data is absent one, whose test skips and says so.</summary>
    public static IEnumerable<string> Names(string folder, string ending, string absent) => Golden.IsPresent
        ? Directory.EnumerateFiles(Golden.Path("tokenizers", folder), "*" + ending).Select(file => Path.GetFileName(file)[..^ending.Length]).Order(StringComparer.Ordinal)
        : [absent];

    /// <summary>The file with the vocabulary of golden/tokenizers/expected/<paramref name="name"/>.</summary>
    public static string VocabularyOf(string name) => name switch
    {
        "tiny-bert" => Golden.Path("models", "bert", "model.gguf"),
        "tiny-qwen2" => Golden.Path("models", "qwen2", "model.gguf"),
        "stories260K-f32" => Golden.Path("trained", "stories260K", "stories260K-f32.gguf"),
        _ => Golden.Path("tokenizers", "vocab", name + ".gguf"),
    };
}
