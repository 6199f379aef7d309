using System.CommandLine;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>inspect</c>: what a GGUF file holds.</summary>
internal static class InspectCommand
{
    private const int ShownCharacters = 120;

    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var tensors = new Option<bool>("--tensors") { Description = "List the tensors." };
        var graph = new Option<bool>("--graph") { Description = "Print the forward pass." };
        var command = new Command("inspect", "Show what a GGUF file holds.") { model, tensors, graph };
        command.SetAction(parsed =>
        {
            using var file = ModelFile.Open(parsed.GetRequiredValue(model));
            WriteSummary(terminal.Out, file);
            if (parsed.GetValue(tensors))
                WriteTensors(terminal.Out, file);
            if (parsed.GetValue(graph))
                terminal.Out.Write(GraphPrinter.Print(ModelLoader.Load(file).Graph));
        });
        return command;
    }

    private static void WriteSummary(TextWriter output, GgufFile file)
    {
        output.WriteLine($"GGUF version {file.Version}, alignment {file.Alignment}, {file.Tensors.Count} tensors, {file.Tensors.Sum(t => t.ElementCount) / 1e6:F2} M parameters, {file.Tensors.Sum(t => t.Bytes) / 1e6:F2} MB");
        foreach (var group in file.Tensors.GroupBy(t => t.Type).OrderByDescending(g => g.Sum(t => t.Bytes)))
            output.WriteLine($"  {group.Key,-8} {group.Count(),5} tensors {group.Sum(t => t.Bytes) / 1e6,10:F2} MB");
        output.WriteLine();
        foreach (var key in file.Metadata.Keys)
            output.WriteLine($"{key} = {Shorten(file.Metadata[key])}");
    }

    private static void WriteTensors(TextWriter output, GgufFile file)
    {
        output.WriteLine();
        foreach (var tensor in file.Tensors)
            output.WriteLine($"{tensor.Name,-40} {tensor.Type,-8} [{string.Join(" × ", tensor.Dimensions)}] {tensor.Bytes:N0} bytes");
    }

    private static string Shorten(GgufValue value)
    {
        var text = value.ToString().ReplaceLineEndings("⏎");
        return text.Length <= ShownCharacters ? text : $"{text[..ShownCharacters]}… ({text.Length} characters)";
    }
}
