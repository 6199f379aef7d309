using System.CommandLine;

namespace EmbeddedLlm.Cli;

/// <summary>Options that several commands share.</summary>
internal static class ModelOptions
{
    public static Option<string> CreateModel(bool required = true) => new("--model", "-m")
    {
        Description = "The GGUF file; of a split model the first file.",
        Required = required,
    };

    public static Option<int> CreateThreads() => Positive(new Option<int>("--threads", "-t") { Description = "Threads; 0 for one per core." }, minimum: 0);

    /// <summary>Refuses values under <paramref name="minimum"/>.</summary>
    public static Option<int> Positive(Option<int> option, int minimum = 1)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < minimum)
                result.AddError($"{option.Name} must be at least {minimum}.");
        });
        return option;
    }
}
