using System.Text;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Chat.Templates;

/// <summary>Whatever a template does, it ends soon, with a typed exception and without exhausting memory or stack.</summary>
public class JinjaLimitsTests
{
    private static JinjaException Fails(string template, JinjaLimits? limits = null) =>
        Assert.Throws<JinjaException>(() => JinjaTemplate.Parse(template, limits).Render(new JsonObject { ["s"] = "text", ["l"] = new JsonArray(1, 2, 3) }));

    public static TheoryData<string, string, string> Deep() => new()
    {
        { "(", "1", ")" }, { "[", "", "]" }, { "{1:", "1", "}" }, { "not ", "1", "" }, { "-", "1", "" }, { "f(", "", ")" }, { "a[", "1", "]" },
        { "1 if 1 else ", "1", "" }, { "a.b|f(", "1", ")" }, { "", "a", ".b" }, { "", "a", "|e" }, { "", "a", "()" }, { "", "1", "+1" }, { "", "1", " or 1" }, { "", "1", " if 1" },
        { " }}{% if 1 %}{{ ", "1", " }}{% endif %}{{ 1" }, { " }}{% for i in l %}{{ ", "1", "" }, { " }}{% set x %}{{ ", "1", "" }, { " }}{% macro f() %}{{ ", "1", "" },
    };

    [Theory]
    [MemberData(nameof(Deep))]
    public void Parse_NestedVeryDeeply_IsRefused(string open, string inner, string close)
    {
        const int Levels = 100_000;
        var source = new StringBuilder("{{ ").Insert(3, open, Levels).Append(inner).Insert(3 + open.Length * Levels + inner.Length, close, Levels).Append(" }}").ToString();
        var failure = Assert.Throws<JinjaException>(() => JinjaTemplate.Parse(source, JinjaLimits.Default with { MaxTemplateLength = 10_000_000 }));
        Assert.Matches("nested more than|chains more than|no parameter|Expected", failure.Message);
    }

    [Fact]
    public void Parse_LongButFlat_Works()
    {
        var text = string.Concat(Enumerable.Repeat(" ~ 'a'", 20_000));
        var branches = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"{{% elif s == {i} %}}x"));
        Assert.Equal(20_004, JinjaTemplate.Parse($"{{{{ s{text} }}}}{{% if false %}}{branches}{{% endif %}}").Render(new JsonObject { ["s"] = "text" }).Length);
    }

    [Fact]
    public void Parse_TooLong_IsRefused() => Assert.Contains("characters", Fails(new string('a', 2_000_000)).Message, StringComparison.Ordinal);

    [Fact]
    public void Run_OnASmallStack_FailsWithoutOverflow()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 120)) + "f()" + string.Concat(Enumerable.Repeat("]", 120));
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() => Fails($"{{% macro f() %}}{{{{ {deep} }}}}{{% endmacro %}}{{{{ f() }}}}")), 512 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    [Theory]
    [InlineData("{{ 'a' * 10**9 }}")]
    [InlineData("{{ [1] * 10**9 }}")]
    [InlineData("{{ (1, 2) * 10**18 }}")]
    [InlineData("{{ range(10**9) }}")]
    [InlineData("{{ range(-10**30, 10**30) }}")]
    [InlineData("{{ 9**(9**9) }}")]
    [InlineData("{{ 2**(10**10) }}")]
    [InlineData("{{ 10**9999 }}")]
    [InlineData("{% set ns = namespace(x=3) %}{% for i in range(100) %}{% set ns.x = ns.x * ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x.join([ns.x, ns.x]) %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for i in range(100) %}{% set ns.x = ns.x|replace('', ns.x) %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x=(1,)) %}{% for i in range(100) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(10000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x={}) %}{% for i in range(10000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x|tojson }}")]
    [InlineData("{{ s.center(10**9) }}")]
    [InlineData("{{ s.ljust(10**18) }}")]
    [InlineData("{{ s.zfill(10**9) }}")]
    [InlineData("{{ 'a\tb'.expandtabs(10**9) }}")]
    [InlineData("{{ s|indent(10**9) }}")]
    [InlineData("{{ s|center(10**9) }}")]
    [InlineData("{{ l|tojson(indent=10**9) }}")]
    [InlineData("{{ l|batch(10**9, 'x')|list }}")]
    [InlineData("{{ l|slice(10**9)|list }}")]
    [InlineData("{{ '%1000000000d' % 1 }}")]
    [InlineData("{{ '%*d' % (10**9, 1) }}")]
    [InlineData("{{ '%.1000000000f' % 1.5 }}")]
    [InlineData("{{ '%99999999999999999999d' % 1 }}")]
    [InlineData("{{ '{:1000000000}'.format(1) }}")]
    [InlineData("{{ '{:>{w}}'.format('a', w=10**8) }}")]
    [InlineData("{{ '{:099999999,}'.format(1) }}")]
    [InlineData("{{ '{:.99999999f}'.format(1.5) }}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}")]
    [InlineData("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{{ s }}{% endfor %}{% endfor %}")]
    [InlineData("{{ range(99999)|map('string')|join(' ' * 10000) }}")]
    [InlineData("{% set x = 'a' * 8000000 %}{{ (x + 'b' + x)[:8000000] ~ 'c' in x + x }}")]
    [InlineData("{% set x = 'a' * 7000000 %}{{ (x + x).count(x + 'b' + x[:100]) }}")]
    [InlineData("{% set x = '<' * 16000000 %}{{ x|e }}")]
    [InlineData("{% for i in range(99999) %}{% set x = ('a' * 16000000).upper() %}{% endfor %}")]
    [InlineData("{% set x = ['a' * 10000000] * 4000000 %}{% for i in range(99999) %}{% if x == x + [] %}{% endif %}{% endfor %}")]
    public void Render_WithoutMeasure_ReachesALimit(string template)
    {
        var start = TimeProvider.System.GetTimestamp();
        Fails(template);
        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
    }

    // Each of these made a rendering take minutes or gigabytes before its limits were reached.
    [Theory]
    [InlineData("{{ ('a ' * 8388608)|title }}")]
    [InlineData("{{ ('a ' * 8388608).title() }}")]
    [InlineData("{{ ('aB' * 8388608).swapcase() }}")]
    [InlineData("{{ ('ß' * 16777216)|upper }}")]
    [InlineData("{{ ('ß' * 16777216).upper() }}")]
    [InlineData("{{ ('\u0130' * 16777216)|lower }}")]
    [InlineData("{{ ('a ' * 8388608).split() }}")]
    [InlineData("{{ ('a ' * 8388608).rsplit(none, 10**9) }}")]
    [InlineData("{{ ('a\n' * 8388608).splitlines() }}")]
    [InlineData("{{ ('a' * 16777216)|list }}")]
    [InlineData("{{ ('a' * 16777216)|batch(1)|list }}")]
    [InlineData("{{ ('a' * 16777216)|map('upper')|join }}")]
    [InlineData("{{ l|map(attribute='a.' * 8000000)|list }}")]
    [InlineData("{{ l|sort(attribute='0,' * 8000000) }}")]
    [InlineData("{% set x = 'a' * 8000000 %}{{ x.split(sep='a' * 1000000 + 'b') }}")]
    [InlineData("{% set x = 'a' * 16000000 %}{{ x.startswith((s,) * 100000, 1) }}{{ x.startswith(([x] * 100000)|map('string')|list, 1) }}")]
    [InlineData("{% set x, y = ['a' * 9000000] * 999, ['a' * 9000000] * 999 %}{% for i in range(99999) %}{% if x == y %}{% endif %}{% endfor %}")]
    [InlineData("{% set x = [1] * 1000000 %}{% for i in range(99999) %}{% if x.count(2) %}{% endif %}{% endfor %}")]
    [InlineData("{% set x = 'a' * 16000000 %}{% for i in range(99999) %}{% for c in x %}{% break %}{% endfor %}{% endfor %}")]
    [InlineData("{% set x = 'a' * 16000000 %}{% for i in range(99999) %}{% if d[x] or l[x] %}{% endif %}{% endfor %}")]
    [InlineData("{% set ns = namespace() %}{% set ns.x = ns %}{{ ([ns] * 99999)|map(attribute='x.' * 100000)|list }}")]
    [InlineData("{% set ns = namespace(d=[]) %}{% for i in range(300) %}{% set ns.d = ns.d + [[i ~ 'k', i]] %}{% endfor %}{% for i in range(12) %}{% set ns.d = ns.d + ns.d|map('list')|list %}{% endfor %}{% for i in range(999) %}{{ ns.d|unique|list|length }}{% endfor %}")]
    // Kept in a chain of namespaces, which has no depth to be limited.
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "'a'.upper")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "[xxxx1, xxxx2, xxxx3, xxxx4, d.zzzz1, d.zzzz2]")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "loop")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "{i: {j: 1}}")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "[[], [1], (), (2,), j / 3, j * 10**9]")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "[j|string, j ~ '', 'ab'[1:], 'a b'.split(), 'a'|safe, 2 ** (900 + j)]")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "[l|map('abs'), l|select, l|unique, l|batch(2), l|slice(2), cycler(1), joiner(), range(j), d.keys()]")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(99999) %}{% for j in range(99) %}{% macro m(a, b) %}{{ m }}{% endmacro %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}{% endfor %}", "m")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(9999) %}{% set g = range(9999)|map('abs')|VALUE %}{% if g|first %}{% endif %}{% set ns.x = namespace(p=ns.x, v=g) %}{% endfor %}", "slice(2)")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(9999) %}{% set g = range(9999)|map('abs')|VALUE %}{% if g|last %}{% endif %}{% set ns.x = namespace(p=ns.x, v=g) %}{% endfor %}", "list")]
    [InlineData("{% set ns = namespace(x=0) %}{% for i in range(9999) %}{% for g in range(9999)|map('abs') %}{% if loop.length %}{% endif %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% break %}{% endfor %}{% endfor %}", "loop")]
    [InlineData("{% set ns = namespace(x=0) %}{% set a = 'ab' * 8000 %}{% for i in range(99999) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}", "a.upper()")]
    [InlineData("{% set ns = namespace(x=0) %}{% set a = 'ab' * 8000 %}{% for i in range(99999) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}", "a|capitalize")]
    [InlineData("{% set ns = namespace(x=0) %}{% set a = 'ab' * 8000 %}{% for i in range(99999) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}", "[a[1:], a[::2], a.strip('b'), a.partition('b'), a|trim('a'), a.removeprefix('a')]")]
    [InlineData("{% set ns = namespace(x=0) %}{% set a = 'ab' * 8000 %}{% for i in range(99999) %}{% set ns.x = namespace(p=ns.x, v=VALUE) %}{% endfor %}", "d[a]")]
    public void Render_Hostile_StaysNearItsMemoryAndTime(string template, string value = "")
    {
        var limits = JinjaLimits.Default with { MaxMemory = 72 << 20, MaxSteps = 10_000_000, TimeLimit = TimeSpan.FromSeconds(3) };
        var parsed = JinjaTemplate.Parse(template.Replace("VALUE", value, StringComparison.Ordinal), limits);
        var variables = new JsonObject { ["s"] = "text", ["l"] = new JsonArray(1, 2, 3), ["d"] = new JsonObject() };
        var (start, allocated) = (TimeProvider.System.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
        var failure = Record.Exception(() => parsed.Render(variables));
        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.IsType<JinjaException>(failure);
        Assert.InRange(seconds, 0, 9);
        // All that was ever made, so also a bound for what was held; the estimate may be off by what is thrown away at once.
        Assert.InRange(allocated, 0, 5 * limits.MaxMemory);
    }

    public static TheoryData<string, string> Chains() => new()
    {
        { "[1]", "ns.l|slice(1)" }, { "[1]", "ns.l|batch(1)" }, { "[1]", "ns.l|select" }, { "[0]", "ns.l|reject" }, { "[1]", "ns.l|map('string')" }, { "[1]", "ns.l|unique" },
        { "['a']", "ns.l|map(attribute=0)" }, { "['a']", "ns.l|selectattr(0)" }, { "['']", "ns.l|rejectattr('x')" }, { "[1]", "ns.l|map('default', 1)|select('eq', 1)" },
        // A generator inside of a list is walked by the filter that another one maps.
        { "[1]|select", "[ns.l]|map('list')" }, { "[1]|select", "[ns.l]|map('first')" }, { "[1]|select", "[ns.l]|map('join')" }, { "[1]|select", "[1]|select('in', ns.l)" },
    };

    [Theory]
    [MemberData(nameof(Chains))]
    public void Render_LongChainOfGenerators_FailsWithoutOverflow(string first, string next)
    {
        var template = $"{{% set ns = namespace(l={first}) %}}{{% for i in range(LENGTH) %}}{{% set ns.l = {next} %}}{{% endfor %}}";
        foreach (var use in new[] { "{{ ns.l|list }}", "{{ ns.l|join }}", "{{ ns.l|first }}", "{% for i in ns.l %}{{ i }}{% endfor %}", "{% for i in [1] if 2 in ns.l %}{% endfor %}", "{% set a, b, c = ns.l %}" })
        {
            Assert.Contains("128 generators", Fails((template + use).Replace("LENGTH", "3000", StringComparison.Ordinal)).Message, StringComparison.Ordinal);
            Assert.Matches("128 generators|the stack", OnThread(256, (template + use).Replace("LENGTH", "3000", StringComparison.Ordinal))!);
        }
        Assert.Null(OnThread(1024, (template + "{{ ns.l|list }}").Replace("LENGTH", "60", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("map('list')")]
    [InlineData("map('first')")]
    [InlineData("select('in', ns.it)")]
    public void Render_GeneratorThatWalksItself_FailsWithoutOverflow(string walk)
    {
        // Each item that the generator takes is the generator: it goes one level deeper for each item left.
        var template = $"{{% set ns = namespace() %}}{{% set ns.it = ([ns] * 100000)|map(attribute='it')|{walk} %}}{{{{ ns.it|list|length }}}}";
        Assert.True(OnThread(256, template) is null or { Length: > 0 });
    }

    [Theory]
    [InlineData("|e")]
    [InlineData("|map('e')")]
    [InlineData(".x")]
    [InlineData("()")]
    [InlineData("[0]")]
    [InlineData(" + 1")]
    [InlineData(" ~ 1")]
    [InlineData(" and 1")]
    [InlineData(" or 0")]
    [InlineData(" if 1")]
    [InlineData(" is defined")]
    public void Render_LongChainOnASmallStack_FailsWithoutOverflow(string link)
    {
        var chain = string.Concat(Enumerable.Repeat(link, 1000));
        Assert.True(OnThread(256, $"{{{{ s{chain} }}}}{{% set x{(link.StartsWith('|') ? chain : "")} %}}a{{% endset %}}") is null or { Length: > 0 });
    }

    [Theory]
    [InlineData("{{ ns.x }}")]
    [InlineData("{{ ns.x|tojson(indent=1) }}")]
    [InlineData("{{ ns.x == ns.y }}")]
    [InlineData("{{ ns.x < ns.y }}")]
    [InlineData("{{ ns.x in [ns.y] }}")]
    [InlineData("{{ {ns.x: 1}[ns.y] }}")]
    [InlineData("{{ '%s {}'.format(ns.x) % ns.y }}")]
    public void Render_DeepValueOnASmallStack_Works(string use)
    {
        foreach (var (open, close) in new[] { ("(", ",)"), ("[", "]"), ("{1: ", "}") })
        {
            var template = "{% set ns = namespace(x=1, y=1) %}{% for i in range(127) %}{% set ns.x, ns.y = OPENns.xCLOSE, OPENns.yCLOSE %}{% endfor %}" + use;
            Assert.True(OnThread(256, template.Replace("OPEN", open, StringComparison.Ordinal).Replace("CLOSE", close, StringComparison.Ordinal)) is null or { Length: > 0 });
        }
    }

    /// <summary>Renders on a thread with a stack of so many KiB; gives the message of what failed, null where nothing did.</summary>
    private static string? OnThread(int stack, string template)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() => JinjaTemplate.Parse(template).Render(new JsonObject { ["s"] = "text" })), stack * 1024);
        thread.Start();
        thread.Join();
        Assert.True(failure is null or JinjaException, failure?.ToString());
        return failure?.Message;
    }

    [Fact]
    public void Render_CyclicNamespace_Prints() =>
        Assert.StartsWith("<Namespace", JinjaTemplate.Parse("{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}").Render([]), StringComparison.Ordinal);

    [Fact]
    public void Render_OwnLimits_AreKept()
    {
        Assert.Contains("100 steps", Fails("{% for i in range(200) %}{% endfor %}", new() { MaxSteps = 100 }).Message, StringComparison.Ordinal);
        Assert.Contains("10 characters", Fails("{{ 'a' * 11 }}", new() { MaxTextLength = 10 }).Message, StringComparison.Ordinal);
        Assert.Contains("10 characters", Fails("12345678901", new() { MaxTextLength = 10 }).Message, StringComparison.Ordinal);
        Assert.Contains("1000 bytes", Fails("{{ 'a' * 500 }}", new() { MaxMemory = 1000 }).Message, StringComparison.Ordinal);
        Assert.Contains("5 elements", Fails("{{ [[1, 2, 3], [4]] }}", new() { MaxValueSize = 5 }).Message, StringComparison.Ordinal);
        Assert.Contains("4 levels", Fails("{{ ((((1)))) }}", new() { MaxNesting = 4 }).Message, StringComparison.Ordinal);
        Assert.Contains("3 levels", Fails("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", new() { MaxCallDepth = 3 }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_OutOfTime_Fails()
    {
        var clock = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(6) };
        var template = JinjaTemplate.Parse("{% for i in range(99999) %}{{ i }}{% endfor %}");
        Assert.Contains("10 seconds", Assert.Throws<JinjaException>(() => template.Render([], clock)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_Cancelled_Stops()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => JinjaTemplate.Parse("a").Render([], cancellationToken: cancellation.Token));
    }

    [Fact]
    public void Render_VariablesNestedVeryDeeply_IsRefused()
    {
        JsonNode nested = new JsonArray();
        for (var i = 0; i < 1000; i++)
            nested = new JsonArray(nested);
        Assert.Throws<JinjaException>(() => JinjaTemplate.Parse("a").Render(new JsonObject { ["x"] = nested }));
    }
}
