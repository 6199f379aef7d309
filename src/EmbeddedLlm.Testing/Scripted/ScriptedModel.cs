using EmbeddedLlm.Backends;
using EmbeddedLlm.Quantization;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Testing;

/// <summary>
/// A model that says what a test wants, through all of the real code: template, tokenizer, engine, sampling, stop strings and parsers run as they do in
/// an app, and only the numbers come from a script. It answers in milliseconds and has no weights of its own. What a request asks of the answer (a schema, a
/// call of a tool) holds here too: where it does not allow the script's answer, be it with other white space, the model leaves the script for a short one that is allowed.
/// </summary>
/// <example><code>
/// using var scripted = new ScriptedModel("Hello!", "Good bye.");
/// var response = await scripted.Client.GetResponseAsync("Hi");
/// </code></example>
public sealed class ScriptedModel : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"scripted-{Guid.NewGuid():N}.gguf");
    private readonly Script _script;

    /// <summary>Gives these answers, one to each request in order; the last one repeats.</summary>
    /// <param name="answers">What the model writes, tags and all; its end token comes behind it.</param>
    public ScriptedModel(params string[] answers) : this(InOrder(answers))
    {
    }

    /// <summary>Gives the answers of a function.</summary>
    /// <param name="answer">From the text of the prompt, as the template made it, to what the model writes. Called on the engine's thread.</param>
    /// <param name="options">The model's options, such as another chat template; null for the defaults. Its backend is the script, and nothing is guessed ahead.</param>
    public ScriptedModel(Func<string, string> answer, LlmOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(answer);
        _script = new(answer);
        options ??= new();
        var backend = new ScriptedBackend(_script);
        options.Backends.Add(backend);
        options.Backend = backend.Name;
        options.Speculation = Speculation.Off;     // a wrong guess would look like another prompt
        options.ModelId ??= "scripted";
        TinyModel.Write(_file, GgmlType.F32);
        try
        {
            Model = LlmModel.Load(_file, options);
        }
        catch
        {
            File.Delete(_file);
            throw;
        }

        _script.Tokenizer = Model.Tokenizer;
    }

    /// <summary>The model.</summary>
    public LlmModel Model { get; }

    /// <summary>Its chat client.</summary>
    public IChatClient Client => Model.AsIChatClient();

    /// <summary>The prompts it was asked so far, as the template made them.</summary>
    public IReadOnlyList<string> Prompts => _script.Prompts;

    /// <summary>Disposes the model.</summary>
    public void Dispose()
    {
        Model.Dispose();
        File.Delete(_file);
    }

    private static Func<string, string> InOrder(string[] answers)
    {
        ArgumentNullException.ThrowIfNull(answers);
        ArgumentOutOfRangeException.ThrowIfZero(answers.Length, nameof(answers));
        var next = 0;
        return _ => answers[Math.Min(next++, answers.Length - 1)];
    }
}
