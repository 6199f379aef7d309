using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmbeddedLlm.Chat.Templates;

namespace EmbeddedLlm.Tests.Chat.Templates;

/// <summary>Damaged templates render or fail with a <see cref="JinjaException"/>; nothing else comes out.</summary>
public partial class JinjaFuzzTests
{
    private static readonly string[] Own =
    [
        "{%- for m in messages %}{{ '<|' ~ m.role ~ '|>' }}{% if m.content is string %}{{ m.content|trim }}{% else %}{% for p in m.content %}{{ p['text'] }}{% endfor %}{% endif %}{% endfor %}",
        "{% macro f(x, y=[1, {'a': 2.5}]) %}{{ x[1:-1:2] }}{{ y|tojson(indent=2) }}{{ caller() if caller else varargs }}{% endmacro %}{% call f('abc') %}{{ '%5.2f'|format(1.5) }}{% endcall %}",
        "{% set ns = namespace(n=0) %}{% for k, v in {'a': 1, 'b': none}.items() recursive %}{% set ns.n = ns.n + loop.index * 2 ** 3 // 2 %}{% endfor %}{{ ns.n }}{{ '{:>5}'.format(ns.n) }}",
        "{{ messages|selectattr('role', 'eq', 'user')|map(attribute='content')|join(', ') }}{{ range(3)|list|sort(reverse=true) }}{{ 'a b'.split()[-1].upper() }}{{ not 1 in [2] and 1 < 2 <= 3 }}",
    ];

    [Fact]
    public void Render_DamagedTemplates_FailOnlyAsTheyShould()
    {
        var templates = new List<string>(Own);
        if (Golden.IsPresent)
            templates.AddRange(Directory.GetFiles(Golden.Path("templates", "templates")).Select(File.ReadAllText));
        var tokens = templates.Select(t => Tokens().Matches(t).Select(m => m.Value).ToList()).ToList();
        var all = tokens.SelectMany(t => t).ToArray();
        var variables = JsonNode.Parse("""{ "messages": [ { "role": "user", "content": "hi" }, { "role": "assistant", "content": [ { "type": "text", "text": "yo" } ], "tool_calls": [] } ], "add_generation_prompt": true, "tools": [ { "type": "function", "function": { "name": "f", "parameters": {} } } ] }""")!.AsObject();
        var random = new Random(20261124);
        var limits = JinjaLimits.Default with { MaxSteps = 200_000 };
        var clock = Stopwatch.StartNew();
        var (rendered, failed) = (0, 0);
        for (var round = 0; round < 4000 && clock.Elapsed < TimeSpan.FromSeconds(5); round++)
        {
            var damaged = new List<string>(tokens[random.Next(tokens.Count)]);
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
            var source = string.Concat(damaged);
            try
            {
                JinjaTemplate.Parse(source, limits).Render(variables);
                rendered++;
            }
            catch (JinjaException)
            {
                failed++;
            }
            catch (Exception failure)
            {
                Assert.Fail($"{failure.GetType().Name} in round {round}: {failure.Message}\n{source}\n{failure.StackTrace}");
            }
        }
        Assert.True(rendered > 10 && failed > 10, $"{rendered} rendered, {failed} failed.");
    }

    [GeneratedRegex(@"\{%[-+]?|[-+]?%\}|\{\{-?|-?\}\}|\w+|'[^']*'|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Tokens();
}
