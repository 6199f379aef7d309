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
        var command = new Command("quantize", "Write a model in another number format.") { model, type, output };
        command.SetAction((parsed, cancellation) =>
        {
            var target = parsed.GetRequiredValue(type);
            RequireTarget(target);
            using var source = ModelFile.Open(parsed.GetRequiredValue(model));
            return WriteAsync(source, target, parsed.GetRequiredValue(output), terminal, cancellation);
        });
        return command;
    }

    public static void RequireTarget(string target)
    {
        if (!GgufQuantizer.Targets.Contains(target, StringComparer.OrdinalIgnoreCase))
            throw new UsageException($"Unknown type '{target}'. Known: {string.Join(", ", GgufQuantizer.Targets)}.");
    }

    /// <summary>Writes the file, and a line about it. All but the line is done when this returns.</summary>
    public static Task WriteAsync(GgufFile source, string target, string path, Terminal terminal, CancellationToken cancellation)
    {
        var progress = new ProgressLine(terminal.Error);
        GgufQuantizer.Quantize(source, target, path, progress, cancellation);
        var displaced = progress.Displaced == 0 ? ""
            : $"; {progress.Displaced} of {source.Tensors.Count} tensors have a larger format than {target} gives them, since their rows are no multiple of its blocks";
        return terminal.Error.WriteLineAsync($"{path}: {new FileInfo(path).Length / 1e6:F3} MB{displaced}");
    }
}
