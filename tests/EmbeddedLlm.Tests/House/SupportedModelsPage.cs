using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Models;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.House;

/// <summary>docs/supported-models.md, written from the tables of the code and the lists of the tests.</summary>
internal static partial class SupportedModelsPage
{
    public static string Write()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Supported models

            A test writes this page from the tables of the code and from the lists that the tests enumerate, and fails where it differs. To write it anew: `EMBEDDEDLLM_WRITE_DOCS=1 dotnet test --filter-class '*SupportedModelsTests'`.

            {Summary()}

            A model needs a row in each of the first three tables: its family, the formats of its weights, and the way its text is split. What has none is refused when the model is loaded, by its name, with what is supported.

            ## Families

            By `general.architecture`. A name is *verified* by tiny models of that family: logits (or hidden rows) of the reference and of the CPU backend are within 1e-4 of an exact forward pass, or within 1e-3 of llama.cpp's where there is none (5e-3 for two encoders, since llama.cpp rounds GELU); in chunks and on any number of threads they are the same bits. *Same graph* means that a verified model under this name gives the very same list of operations; no model of the family itself was at hand. *Same parts* means a graph of its own, of operations that verified families have, checked for what it should differ in, not verified by numbers.


            """);
        Families(text);
        Formats(text);
        Tokenizers(text);
        return text.ToString().ReplaceLineEndings("\n");
    }

    // One line that counts each kind; CI prints it.
    private static string Summary() => string.Create(
        CultureInfo.InvariantCulture,
        $"Verified with golden data: {GoldenModels.Decoders.Length} decoders, {GoldenModels.Embedders.Length} models for embeddings, {GoldenModels.Quantized.Length} weight types, {GoldenModels.Mixtures.Length + GoldenModels.MixturesWithoutExact.Length} mixtures of weight types over families, {BlockFormats.All.Count(HasGoldenBlocks)} block codecs, {PreTokenizers.Names.Count()} pre-tokenizers, {GoldenTokenizers.Names("expected", ".jsonl", "").Count()} vocabularies. Not yet: {List(GoldenModels.NotYet.Concat(GoldenModels.FormatsNotYet))}.");

    private static void Families(StringBuilder text)
    {
        var golden = GoldenModels.Decoders.Concat(GoldenModels.Embedders).ToLookup(name => Read("general.architecture", Golden.Path("models", name, "model.gguf")));
        var mixtures = GoldenModels.Mixtures.ToLookup(name => Read("general.architecture", Golden.Path("quantized-families", name, "model.gguf")));
        text.Append("| Family | Page | Verified by |\n|---|---|---|\n");
        foreach (var (name, page) in Architectures.All.SelectMany(page => page.Names, (page, name) => (name, page)).OrderBy(row => row.name, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"| `{name}` | {Link(page)} | {Verified(name, golden[name], mixtures[name])} |\n");

        text.Append("\nWhat the pages stand for:\n\n");
        foreach (var page in Architectures.All)
            text.Append(CultureInfo.InvariantCulture, $"- {Link(page)}: {SummaryOf(page)}\n");
    }

    private static string Verified(string name, IEnumerable<string> golden, IEnumerable<string> mixtures)
    {
        if (golden.Any())
            return $"golden models {List(golden)}{(mixtures.Any() ? $"; mixtures {List(mixtures)}" : "")}";
        var exact = SameGraphs.Exact.FirstOrDefault(pair => pair.Name == name).Golden;
        return exact is null ? "same parts, not verified" : $"same graph as {exact}, not verified";
    }

    private static string Link(Architecture page) => $"[{page.GetType().Name}](../src/EmbeddedLlm/Models/Families/{page.GetType().Name}.cs)";

    private static string SummaryOf(Architecture page)
    {
        var code = File.ReadAllText(Path.Combine(Golden.Root, "src", "EmbeddedLlm", "Models", "Families", page.GetType().Name + ".cs")).ReplaceLineEndings("\n");
        return LineStart().Replace(SummaryTag().Match(code).Groups[1].Value, " ").Replace("<c>", "`", StringComparison.Ordinal).Replace("</c>", "`", StringComparison.Ordinal).Trim();
    }

    private static void Formats(StringBuilder text)
    {
        text.Append("""

            ## Weight formats

            In any mixture. *Blocks*: whether dequantized golden blocks are equal to llama.cpp's bit for bit. *Model*: whether a whole model in the format is as near to the exact forward pass as llama.cpp's own, by mean divergence within a quarter.

            | Format | Bits per weight | Blocks | Model | `quantize` to |
            |---|---:|---|---|---|

            """);
        foreach (var format in BlockFormats.All)
        {
            var model = format.Type switch
            {
                GgmlType.F32 => "all decoders",
                GgmlType.BF16 => "equal to the reference",
                _ => GoldenModels.Quantized.Contains(GoldenModels.FolderOf(format.Name)) ? "yes" : "same codec as its blocks",
            };
            var targets = string.Join(", ", QuantizationTarget.All.Where(target => target.Type == format.Type).Select(target => target.Name));
            text.Append(CultureInfo.InvariantCulture, $"| {format.Name} | {8.0 * format.BlockBytes / format.Length:0.####} | {(HasGoldenBlocks(format) ? "bit-equal" : "are the numbers")} | {model} | {targets} |\n");
        }
    }

    private static void Tokenizers(StringBuilder text)
    {
        text.Append("""

            ## Tokenizers

            By `tokenizer.ggml.model`. A vocabulary is verified both ways, text to tokens and back, on some 250 strings, equal to llama.cpp, and those of Hugging Face where there are pairs.

            | Model | Kind | Vocabularies |
            |---|---|---|

            """);
        var golden = GoldenTokenizers.Names("expected", ".jsonl", "").ToLookup(name => Read("tokenizer.ggml.model", GoldenTokenizers.VocabularyOf(name)));
        foreach (var (name, kind, _) in Tokenizer.Models)
            text.Append(CultureInfo.InvariantCulture, $"| `{name}` | {kind} | {(golden[name].Any() ? List(golden[name]) : "vocabularies made in the tests; none published was at hand")} |\n");

        text.Append(CultureInfo.InvariantCulture, $"""

            For `gpt2`, `tokenizer.ggml.pre` names how text is split before. Each of these is exact on the same strings, with the vocabulary of GPT-2:

            {string.Join(", ", PreTokenizers.Names.Select(name => $"`{name}`"))}.

            """);
    }

    private static bool HasGoldenBlocks(BlockFormat format) => Directory.Exists(Golden.Path("formats", GoldenModels.FolderOf(format.Name)));

    private static string Read(string key, string path)
    {
        using var file = GgufFile.Open(path);
        return file.Metadata.GetString(key);
    }

    private static string List(IEnumerable<string> names) => string.Join(", ", names);

    [GeneratedRegex("<summary>(.*?)</summary>", RegexOptions.Singleline)]
    private static partial Regex SummaryTag();

    [GeneratedRegex(@"\s*\n?\s*/// ")]
    private static partial Regex LineStart();
}
