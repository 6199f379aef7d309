using System.CommandLine;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>quantize</c>: a GGUF file in another number format.</summary>
internal static class QuantizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var type = new Option<string>("--type") { Description = $"One of {string.Join(", ", GgufQuantizer.Targets)}.", Required = true };
        var output = new Option<string>("--out") { Description = "The file to write.", Required = true };
        var imatrix = new Option<string?>("--imatrix") { Description = "An importance matrix, as the command imatrix collects it: which weights to keep finer. IQ1, IQ2 and IQ3_XXS need one." };
        var command = new Command("quantize", "Write a model in another number format.") { model, type, output, imatrix };
        command.SetAction((parsed, cancellation) =>
        {
            var target = parsed.GetRequiredValue(type);
            if (!GgufQuantizer.Targets.Contains(target, StringComparer.OrdinalIgnoreCase))
                throw new UsageException($"Unknown type '{target}'. Known: {string.Join(", ", GgufQuantizer.Targets)}.");

            if (parsed.GetValue(imatrix) is null && GgufQuantizer.NeedsImportance(target))
                throw new UsageException($"{target} needs an importance matrix: --imatrix.");

            var path = parsed.GetRequiredValue(output);
            using var source = GgufFile.Open(parsed.GetRequiredValue(model));
            var progress = new ProgressLine(terminal.Error);
            var importance = parsed.GetValue(imatrix) is { } file ? ImportanceMatrix.Load(file) : null;
            GgufQuantizer.Quantize(source, target, path, progress, importance, cancellation);
            var displaced = progress.Displaced == 0 ? ""
                : $"; {progress.Displaced} of {source.Tensors.Count} tensors have a larger format than {target} gives them, since their rows are no multiple of its blocks";
            var unweighted = importance is null ? "" : $"; {progress.Unweighted} tensors were rounded without importance: the matrix does not know them, or their format has no use for it";
            return terminal.Error.WriteLineAsync($"{path}: {new FileInfo(path).Length / 1e6:F3} MB{displaced}{unweighted}");
        });
        return command;
    }
}
