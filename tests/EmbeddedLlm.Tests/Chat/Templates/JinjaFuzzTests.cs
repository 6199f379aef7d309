using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Tests.Fuzzing;

namespace EmbeddedLlm.Tests.Chat.Templates;

/// <summary>Damaged templates render or fail with a <see cref="JinjaException"/>; nothing else comes out.</summary>
public sealed partial class JinjaFuzzTests
{
    [Fact]
    public void Render_DamagedTemplates_FailOnlyAsTheyShould()
    {
        string[] templates = [.. FuzzRun.Kept("template"), .. Golden.IsPresent ? Directory.GetFiles(Golden.Path("templates", "templates")).Select(File.ReadAllText) : []];
        var words = templates.Select(t => Words().Matches(t).Select(m => m.Value).ToArray()).ToArray();
        var all = words.SelectMany(t => t).ToArray();
        var text = new TextDamage(templates);
        var variables = JsonNode.Parse("""{ "messages": [ { "role": "user", "content": "hi" }, { "role": "assistant", "content": [ { "type": "text", "text": "yo" } ], "tool_calls": [] } ], "add_generation_prompt": true, "tools": [ { "type": "function", "function": { "name": "f", "parameters": {} } } ] }""")!.AsObject();
        var limits = JinjaLimits.Default with { MaxSteps = 200_000 };

        FuzzRun.Over("template", random => random.Next(4) == 0 ? text.Next(random) : Damage(words[random.Next(words.Length)], all, random), (source, _) =>
        {
            try
            {
                JinjaTemplate.Parse(source, limits).Render(variables);
                return true;
            }
            catch (JinjaException)
            {
                return false;
            }
        });
    }

    private static string Damage(string[] words, string[] all, Random random)
    {
        var damaged = new List<string>(words);
        for (var change = random.Next(1, 4); change > 0 && damaged.Count > 1; change--)
        {
            var at = random.Next(damaged.Count);
            switch (random.Next(4))
            {
                case 0:
                    damaged.RemoveAt(at);
                    break;
                case 1:
                    damaged[at] = all[random.Next(all.Length)];
                    break;
                case 2:
                    damaged.Insert(at, all[random.Next(all.Length)]);
                    break;
                default:
                    damaged[at] = damaged[at].Insert(random.Next(damaged[at].Length + 1), ((char)random.Next(0x20, 0x250)).ToString());
                    break;
            }
        }
        return string.Concat(damaged);
    }

    [GeneratedRegex(@"\{%[-+]?|[-+]?%\}|\{\{-?|-?\}\}|\w+|'[^']*'|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Words();
}
