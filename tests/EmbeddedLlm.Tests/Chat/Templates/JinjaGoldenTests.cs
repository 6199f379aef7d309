using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Chat.Templates;

/// <summary>Real chat templates and small cases, byte for byte what Python's Jinja2 makes of them.</summary>
public class JinjaGoldenTests
{
    private static readonly FakeTimeProvider Clock = new(new(2026, 1, 15, 12, 34, 56, TimeSpan.Zero));

    // Real templates must fit well into the limits.
    private static readonly JinjaLimits Tight = new() { MaxMemory = JinjaLimits.Default.MaxMemory / 256, MaxSteps = JinjaLimits.Default.MaxSteps / 256 };

    public static TheoryData<string> Templates() => Golden.IsPresent
        ? [.. Directory.GetFiles(Golden.Path("templates", "templates")).Select(f => Path.GetFileName(f)).Order()]
        : ["absent"];

    [Theory]
    [MemberData(nameof(Templates))]
    public void Render_ModelTemplate_EqualsPython(string name)
    {
        var source = File.ReadAllText(Golden.Path("templates", "templates", name));
        var contexts = JsonNode.Parse(File.ReadAllText(Golden.Path("templates", "contexts.json")))!.AsObject();
        var failures = new List<string>();
        foreach (var line in Lines("templates", "expected.jsonl").Where(l => (string?)l["template"] == name))
        {
            var context = contexts[(string)line["context"]!]!.DeepClone().AsObject();
            context["bos_token"] = "<s>";
            context["eos_token"] = "</s>";
            Check(failures, (string)line["context"]!, (string?)line["output"], () => JinjaTemplate.Parse(source, Tight).Render(context, Clock));

            // Where the error came only with none, it stands in the place of the output.
            var expected = (string?)line["output_with_tools_none"] ?? (string?)line["output"];
            expected = expected is not null && expected.StartsWith("ERROR ", StringComparison.Ordinal) ? null : expected;
            Check(failures, line["context"] + " by ChatTemplate", expected, () => Chat(source, context));
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static string Chat(string source, JsonObject context)
    {
        string[] known = ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"];
        var extra = new JsonObject(context.Where(c => !known.Contains(c.Key)).Select(c => KeyValuePair.Create(c.Key, c.Value?.DeepClone())));
        return ChatTemplate.Create(source, "<s>", "</s>", vocabularyHasChatMl: false)
            .Render(context["messages"]!.AsArray(), context["tools"]?.AsArray(), (bool)context["add_generation_prompt"]!, extra, Clock);
    }

    /// <summary>The case is wrong as it stands: its list was changed while it was made, before it was written down, so the item that should be popped is gone.</summary>
    private const string WrongCase = "array.pop() with index";

    [Theory]
    [InlineData("hfjs_e2e_chat.jsonl", 36)]
    [InlineData("hfjs_templates.jsonl", 108)]
    [InlineData("llamacpp.jsonl", 194)]
    public void Render_SmallCase_EqualsPython(string file, int count)
    {
        var failures = new List<string>();
        var cases = Lines("jinja", file).ToList();
        foreach (var small in cases.Where(c => (string?)c["name"] != WrongCase))
        {
            var variables = (small["vars"] ?? small["data"])!.AsObject();
            var expected = small["jinja2_error"] is not null ? null : (string?)(small["jinja2"] ?? small["expected"]);
            Check(failures, (string)small["name"]!, expected, () => JinjaTemplate.Parse((string)small["template"]!).Render(variables, Clock));
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {cases.Count} failed.\n" + string.Join("\n\n", failures));
        Assert.Equal(count, cases.Count);
    }

    [Fact]
    public void Render_WrongCase_WorksWithTheListItWasMeantFor()
    {
        var wrong = Lines("jinja", "llamacpp.jsonl").Single(c => (string?)c["name"] == WrongCase);
        var variables = new JsonObject { ["arr"] = new JsonArray("a", "b", "c") };
        Assert.Equal("""{"arr":["b","c"]}""", wrong["vars"]!.ToJsonString());
        Assert.Equal((string?)wrong["expected"], JinjaTemplate.Parse((string)wrong["template"]!).Render(variables));
    }

    [Fact]
    public void Render_FormatCase_EqualsPython()
    {
        var cases = JsonNode.Parse(File.ReadAllText(Golden.Path("jinja", "hfjs_format.json")))!.AsObject();
        var failures = new List<string>();
        foreach (var (name, value) in cases.Where(c => c.Value!["rendered"] is not null))
        {
            // The file has JavaScript's spelling of truth values.
            var expected = (string)value!["rendered"]! is "true" or "false" ? char.ToUpperInvariant(((string)value["rendered"]!)[0]) + ((string)value["rendered"]!)[1..] : (string)value["rendered"]!;
            Check(failures, name, expected, () => JinjaTemplate.Parse((string)value["template"]!).Render([]));
            Check(failures, name + " formatted", expected, () => JinjaTemplate.Parse((string)value["formatted"]!).Render([]));
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static IEnumerable<JsonNode> Lines(params string[] path) => File.ReadLines(Golden.Path(path)).Where(l => l.Length > 0).Select(l => JsonNode.Parse(l)!);

    /// <summary>Notes a case whose text differs, or that fails where it should not; without expected text it must fail.</summary>
    private static void Check(List<string> failures, string name, string? expected, Func<string> render)
    {
        try
        {
            var actual = render();
            if (actual != expected)
                failures.Add($"{name}\nexpected: {(expected is null ? "an error" : JsonSerializer.Serialize(expected))}\nactual:   {JsonSerializer.Serialize(actual)}");
        }
        catch (JinjaException failure) when (expected is null)
        {
            Assert.NotEmpty(failure.Message);
        }
        catch (JinjaException failure)
        {
            failures.Add($"{name}\nexpected: {JsonSerializer.Serialize(expected)}\nfailed:   {failure.Message}");
        }
    }
}
