using System.CommandLine;
using System.Diagnostics;
using System.Numerics;
using System.Text;
using System.Text.Json;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>constrain</c>: holds a text against a JSON schema, a grammar or a regular expression, token by token.</summary>
internal static class ConstrainCommand
{
    private const int NotAccepted = 1;

    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var form = new FormArguments();
        var text = new Option<string>("--text-file") { Description = "The text (UTF-8).", Required = true };
        var anyOrder = new Option<bool>("--any-order") { Description = "Let properties come in any order." };
        var whiteSpace = new Option<bool>("--white-space") { Description = "Allow white space in JSON." };
        var passOver = new Option<bool>("--pass-over") { Description = "Warn of keywords that cannot be enforced, in place of refusing them." };
        var masks = new Option<bool>("--masks") { Description = "Print how many tokens are allowed before each token." };
        var bench = new Option<bool>("--bench") { Description = "Print how long compiling and each mask take." };
        var command = new Command("constrain", "Say whether a text keeps to a JSON schema, a grammar or a regular expression, or at which byte it breaks it.")
        {
            model, text, anyOrder, whiteSpace, passOver, masks, bench,
        };
        form.AddTo(command);
        command.SetAction(parsed =>
        {
            if (form.Count(parsed) == 0)
                throw new UsageException("Give one of --schema, --gbnf and --regex.");

            using var gguf = GgufFile.Open(parsed.GetRequiredValue(model));
            var tokenizer = Tokenizer.FromGguf(gguf.Metadata);
            var options = new ConstraintOptions { AllowAnyOrder = parsed.GetValue(anyOrder), AllowWhiteSpace = parsed.GetValue(whiteSpace), PassOverUnenforceable = parsed.GetValue(passOver) };
            var compile = form.Read(parsed, tokenizer, options)!;
            var constraint = compile();
            foreach (var warning in constraint.Warnings)
                terminal.Error.WriteLine(warning);
            var content = Utf8File.Read(parsed.GetRequiredValue(text));
            var isAccepted = Check(terminal.Out, constraint, tokenizer, content, parsed.GetValue(masks));
            if (parsed.GetValue(bench))
                Measure(terminal.Out, compile, tokenizer, content);
            return isAccepted ? 0 : NotAccepted;
        });
        return command;
    }

    private static bool Check(TextWriter output, Constraint constraint, Tokenizer tokenizer, string text, bool printMasks)
    {
        var state = constraint.Start();
        var mask = new ulong[constraint.MaskLength];
        foreach (var token in tokenizer.Encode(text, addSpecial: false, parseSpecial: false))
        {
            if (printMasks)
            {
                state.FillMask(mask);
                output.WriteLine($"{mask.Sum(word => BitOperations.PopCount(word))}\t{token}\t{JsonSerializer.Serialize(tokenizer.GetPiece(token), CliJson.Options)}");
            }
            if (!state.Accept(token))
                break;
        }

        // The bytes say it exactly, whichever tokens the text is cut into.
        state = constraint.Start();
        var bytes = Encoding.UTF8.GetBytes(text);
        var taken = state.AcceptText(bytes);
        if (taken < bytes.Length)
        {
            _ = state.AcceptText(bytes.AsSpan(0, taken));
            output.WriteLine($"not accepted: byte {taken} is 0x{bytes[taken]:X2}, expected {state.DescribeNext()}");
            return false;
        }
        if (!state.IsComplete)
        {
            output.WriteLine($"not accepted: the text ends at byte {taken}, expected {state.DescribeNext()}");
            return false;
        }
        output.WriteLine("accepted");
        return true;
    }

    private static void Measure(TextWriter output, Func<Constraint> compile, Tokenizer tokenizer, string text)
    {
        var clock = Stopwatch.StartNew();
        var constraint = compile();
        output.WriteLine($"compile     {clock.Elapsed.TotalMilliseconds:F3} ms");
        var tokens = tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
        var mask = new ulong[constraint.MaskLength];
        foreach (var pass in (string[])["masks", "again"])
        {
            var state = constraint.Start();
            var times = new List<double>();
            foreach (var token in tokens)
            {
                clock.Restart();
                state.FillMask(mask);
                times.Add(clock.Elapsed.TotalMicroseconds);
                if (!state.Accept(token))
                    break;
            }
            if (times.Count == 0)
                return;
            output.WriteLine($"{pass,-11} {times.Count} tokens, first {times[0]:F1} µs, mean {times.Average():F1} µs, 99th percentile {times.Order().ElementAt(times.Count * 99 / 100):F1} µs, longest {times.Max():F1} µs");
        }
    }
}
