using System.CommandLine;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>convert</c>: a folder of safetensors as a GGUF file.</summary>
internal static class ConvertCommand
{
    public static Command Create(Terminal terminal)
    {
        var from = new Option<string>("--from") { Description = "The folder with config.json, safetensors and a tokenizer.", Required = true };
        var to = new Option<string>("--to") { Description = "The GGUF file to write.", Required = true };
        var type = new Option<string?>("--type") { Description = $"One of {string.Join(", ", GgufQuantizer.Targets)}; as the folder has it if not given." };
        var imatrix = QuantizeCommand.CreateImatrix();
        var command = new Command("convert", "Write a model that is a folder of safetensors as a GGUF file.") { from, to, type, imatrix };
        command.SetAction((parsed, cancellation) =>
        {
            var target = parsed.GetValue(type);
            var importance = parsed.GetValue(imatrix);
            if (target is not null)
                QuantizeCommand.RequireTarget(target, importance);
            else if (importance is not null)
                throw new UsageException("--imatrix needs --type: without it nothing is rounded.");

            var path = parsed.GetRequiredValue(to);
            using var source = ModelFile.Open(parsed.GetRequiredValue(from));
            if (target is not null)
                return QuantizeCommand.WriteAsync(source, target, path, importance, terminal, cancellation);
            GgufWriter.From(source).Save(path, cancellation);
            return terminal.Error.WriteLineAsync($"{path}: {new FileInfo(path).Length / 1e6:F3} MB");
        });
        return command;
    }
}
