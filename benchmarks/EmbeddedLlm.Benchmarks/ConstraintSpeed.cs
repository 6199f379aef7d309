using System.Text;
using System.Text.Json;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Grammar.Schemas;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>
/// Times compiling and masks over a file of schemas with valid values, one line of JSON each: every schema compiled anew, its values taken token by token.
/// Everything is done twice, each time from nothing, and the shorter time counts, since neighbours on the machine only add. See <see cref="ThreadTime"/>.
/// </summary>
internal static class ConstraintSpeed
{
    private const int Rounds = 3;

    public static void Print(string vocabulary, string schemas)
    {
        using var file = GgufFile.Open(vocabulary);
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        var rows = File.ReadLines(schemas).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        for (var round = 1; round <= Rounds; round++)
        {
            var (compile, first, masks) = (new List<double>(), new List<double>(), new List<double>());
            foreach (var row in rows)
            {
                var one = Run(row, tokenizer);
                var two = Run(row, tokenizer);
                if (one.Count == 0)
                    continue;
                var best = one.Zip(two, Math.Min).ToList();
                compile.Add(best[0]);
                first.AddRange(best.Skip(1).Take(1));
                masks.AddRange(best.Skip(1));
            }
            Console.WriteLine($"round {round}");
            Print("compile", compile);
            Print("first mask", first);
            Print("mask", masks);
        }
    }

    // Microseconds: compiling, then each mask.
    private static List<double> Run(JsonElement row, Tokenizer tokenizer)
    {
        var times = new List<double>();
        var start = ThreadTime.Microseconds();
        Constraint constraint;
        try
        {
            constraint = Constraint.FromJsonSchema(row.GetProperty("schema"), tokenizer, new ConstraintOptions { AllowAnyOrder = true });
        }
        catch (ConstraintException)
        {
            return times;
        }
        times.Add(ThreadTime.Microseconds() - start);
        var mask = new ulong[constraint.MaskLength];
        foreach (var test in row.GetProperty("tests").EnumerateArray().Where(test => test.GetProperty("valid").GetBoolean()))
        {
            var state = constraint.Start();
            foreach (var token in tokenizer.Encode(Write(test.GetProperty("data")), addSpecial: false, parseSpecial: false))
            {
                start = ThreadTime.Microseconds();
                state.FillMask(mask);
                times.Add(ThreadTime.Microseconds() - start);
                if (!state.Accept(token))
                    break;
            }
        }
        return times;
    }

    private static void Print(string name, List<double> times)
    {
        times.Sort();
        Console.WriteLine($"  {name,-11} {times.Count,6} × mean {times.Average(),8:F1} µs, median {times[times.Count / 2],7:F1}, 90 % {times[times.Count * 9 / 10],7:F1}, 99 % {times[times.Count * 99 / 100],8:F1}, longest {times[^1],9:F1}");
    }

    private static string Write(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(p => $"{Quote(p.Name)}:{Write(p.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', value.EnumerateArray().Select(Write))}]",
        JsonValueKind.String => Quote(value.GetString()!),
        JsonValueKind.Number => ExactDecimal.Parse(value.GetRawText())?.ToString() ?? value.GetRawText(),
        _ => value.GetRawText(),
    };

    private static string Quote(string text) => $"\"{Encoding.UTF8.GetString(JsonStrings.Spell(text))}\"";
}
