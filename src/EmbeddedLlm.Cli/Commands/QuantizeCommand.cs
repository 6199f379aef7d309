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
        var command = new Command("quantize", "Write a model in another number format.") { model, type, output };
        command.SetAction((parsed, cancellation) =>
        {
            var target = parsed.GetRequiredValue(type);
            if (!GgufQuantizer.Targets.Contains(target, StringComparer.OrdinalIgnoreCase))
                throw new UsageException($"Unknown type '{target}'. Known: {string.Join(", ", GgufQuantizer.Targets)}.");

            var path = parsed.GetRequiredValue(output);
            using var source = GgufFile.Open(parsed.GetRequiredValue(model));
            GgufQuantizer.Quantize(source, target, path, new ProgressLine(terminal.Error), cancellation);
            return terminal.Error.WriteLineAsync($"{path}: {new FileInfo(path).Length / 1e6:F1} MB");
        });
        return command;
    }
}
