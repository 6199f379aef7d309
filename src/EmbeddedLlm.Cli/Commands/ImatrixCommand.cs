using System.CommandLine;
using EmbeddedLlm.Calibration;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>imatrix</c>: which weights of a model matter, collected from a text.</summary>
internal static class ImatrixCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var text = new Option<string>("--text-file") { Description = "A text like those that the model will see, in UTF-8.", Required = true };
        var output = new Option<string>("--to") { Description = "The file to write.", Required = true };
        var chunks = ModelOptions.Positive(new Option<int>("--chunks") { Description = "The most pieces of the text to use. Default: all." });
        var context = ModelOptions.Positive(new Option<int>("--context") { Description = "Tokens of a piece.", DefaultValueFactory = _ => new ImportanceOptions().ChunkLength }, minimum: 2, maximum: ModelOptions.MostPositions);
        var threads = ModelOptions.CreateThreads();
        var command = new Command("imatrix", "Collect from a text which weights matter, for quantize --imatrix.") { model, text, output, chunks, context, threads };
        command.SetAction((parsed, cancellation) =>
        {
            var (textPath, path) = (parsed.GetRequiredValue(text), parsed.GetRequiredValue(output));
            using var file = GgufFile.Open(parsed.GetRequiredValue(model));
            var options = new ImportanceOptions
            {
                ChunkLength = parsed.GetValue(context),
                MaxChunks = parsed.GetValue(chunks) is > 0 and var most ? most : null,
                Threads = parsed.GetValue(threads),
                Dataset = Path.GetFileName(textPath),
            };
            var matrix = ImportanceCollector.Collect(file, Utf8File.Read(textPath), options, new ProgressLine(terminal.Error), cancellation);
            matrix.Save(path, cancellation);
            return terminal.Error.WriteLineAsync($"{path}: {matrix.Tensors.Count} tensors, {matrix.ChunkCount} pieces of {matrix.ChunkLength} tokens");
        });
        return command;
    }
}
