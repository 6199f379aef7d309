using System.CommandLine;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>quantize</c>: a model in another number format.</summary>
internal static class QuantizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var type = new Option<string>("--type") { Description = $"One of {string.Join(", ", GgufQuantizer.Targets)}.", Required = true };
        var output = new Option<string>("--out") { Description = "The file to write.", Required = true };
        var imatrix = CreateImatrix();
        var command = new Command("quantize", "Write a model in another number format.") { model, type, output, imatrix };
        command.SetAction((parsed, cancellation) =>
        {
            var target = parsed.GetRequiredValue(type);
            var importance = parsed.GetValue(imatrix);
            RequireTarget(target, importance);
            using var source = ModelFile.Open(parsed.GetRequiredValue(model));
            return WriteAsync(source, target, parsed.GetRequiredValue(output), importance, terminal, cancellation);
        });
        return command;
    }

    public static Option<string?> CreateImatrix() =>
        new("--imatrix") { Description = "An importance matrix, as the command imatrix collects it: which weights to keep finer. IQ1, IQ2 and IQ3_XXS need one." };

    public static void RequireTarget(string target, string? imatrix)
    {
        if (!GgufQuantizer.Targets.Contains(target, StringComparer.OrdinalIgnoreCase))
            throw new UsageException($"Unknown type '{target}'. Known: {string.Join(", ", GgufQuantizer.Targets)}.");
        if (imatrix is null && GgufQuantizer.NeedsImportance(target))
            throw new UsageException($"{target} needs an importance matrix: --imatrix.");
    }

    /// <summary>Writes the file, and a line about it. All but the line is done when this returns.</summary>
    public static Task WriteAsync(GgufFile source, string target, string path, string? imatrix, Terminal terminal, CancellationToken cancellation)
    {
        var progress = new ProgressLine(terminal.Error);
        var importance = imatrix is null ? null : ImportanceMatrix.Load(imatrix);
        GgufQuantizer.Quantize(source, target, path, progress, importance, cancellation);
        var displaced = progress.Displaced == 0 ? ""
            : $"; {progress.Displaced} of {source.Tensors.Count} tensors have a larger format than {target} gives them, since their rows are no multiple of its blocks";
        var unweighted = importance is null ? "" : $"; {progress.Unweighted} tensors were rounded without importance: the matrix does not know them, or their format has no use for it";
        return terminal.Error.WriteLineAsync($"{path}: {new FileInfo(path).Length / 1e6:F3} MB{displaced}{unweighted}");
    }
}
