using System.Text.Json.Nodes;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>
/// A parsed Jinja template in the dialect of Hugging Face chat templates: Jinja2 with <c>trim_blocks</c>, <c>lstrip_blocks</c>,
/// <c>break</c> and <c>continue</c>, in a sandbox whose lists and dicts cannot be changed, with <c>raise_exception</c>,
/// <c>strftime_now</c>, <c>{% generation %}</c> and a <c>tojson</c> that leaves non-ASCII characters as they are. Values behave
/// as in Python. One template is one file: <c>include</c>, <c>import</c>, <c>extends</c> and <c>block</c> are refused.
/// Instances are immutable and may be used from several threads.
/// </summary>
public sealed class JinjaTemplate
{
    private readonly JinjaStatement[] _body;
    private readonly IReadOnlySet<string> _reads;
    private readonly JinjaLimits _limits;

    private JinjaTemplate(string source, JinjaStatement[] body, IReadOnlySet<string> reads, JinjaLimits limits)
    {
        Source = source;
        _body = body;
        _reads = reads;
        _limits = limits;
    }

    /// <summary>The template as it was given.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template.</param>
    /// <param name="limits">What parsing and rendering may use; <see cref="JinjaLimits.Default"/> where null.</param>
    /// <exception cref="JinjaException">The source is no template, or exceeds the limits.</exception>
    public static JinjaTemplate Parse(string source, JinjaLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= JinjaLimits.Default;
        var (body, reads) = JinjaParser.Parse(source, limits);
        return new(source, body, reads, limits);
    }

    /// <summary>Whether the template mentions a variable of this name anywhere, for instance <c>tools</c>.</summary>
    public bool Reads(string variable) => _reads.Contains(variable);

    /// <summary>Renders the template.</summary>
    /// <param name="variables">
    /// The variables, exactly those that the template sees besides the functions of the dialect. Whole numbers become Python ints,
    /// numbers with point or exponent floats, null becomes none; the order of keys is kept. A name that is missing is undefined,
    /// of a name that comes twice the later one counts. A <see cref="JsonObject"/> can be passed as it is.
    /// </param>
    /// <param name="time">The clock for <c>strftime_now</c> and the time limit; the system's where null.</param>
    /// <param name="cancellationToken">Stops the rendering.</param>
    /// <exception cref="JinjaException">The template failed, raised an exception itself, or exceeded a limit.</exception>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public string Render(IEnumerable<KeyValuePair<string, JsonNode?>> variables, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var budget = new JinjaBudget(_limits, time ?? TimeProvider.System, cancellationToken);
        return JinjaInterpreter.Run(_body, variables.Select(v => (v.Key, JinjaJson.Read(budget, v.Value))), budget);
    }
}
