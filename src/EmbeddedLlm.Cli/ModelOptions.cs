using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Cli;

/// <summary>Options that several commands share.</summary>
internal static class ModelOptions
{
    /// <summary>More positions than any context; what is counted from them stays far from overflow.</summary>
    public const int MostPositions = 1 << 24;

    public static Option<string> CreateModel(bool required = true) => new("--model", "-m")
    {
        Description = "The GGUF file (of a split model the first), or a folder with config.json, safetensors and a tokenizer.",
        Required = required,
    };

    public static Option<int> CreateThreads() => Positive(new Option<int>("--threads", "-t") { Description = "Threads; 0 for one per physical core." }, minimum: 0, maximum: LlmOptions.MaxThreads);

    public static Option<KvType> CreateKvType(KvType fallback) => OneOf(new Option<KvType>("--kv-type") { Description = "Number format of the KV cache.", DefaultValueFactory = _ => fallback });

    public static Option<bool> CreateKeepWeightsInFile() => new("--keep-weights-in-file") { Description = "Keep no packed copy of the weights: less memory, slower." };

    /// <summary>Refuses values outside a range, before a model is loaded.</summary>
    public static Option<int> Positive(Option<int> option, int minimum = 1, int maximum = int.MaxValue)
    {
        option.CustomParser = result => Parse(result, option.Name, minimum, maximum) ?? 0;
        return option;
    }

    /// <summary>Refuses values outside a range, before a model is loaded. Infinity and NaN are outside of every range.</summary>
    public static Option<T?> InRange<T>(Option<T?> option, T minimum, T maximum)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        option.CustomParser = result => Parse(result, option.Name, minimum, maximum);
        return option;
    }

    /// <summary>Refuses what is no name of the enumeration, before a model is loaded. Case does not matter.</summary>
    public static Option<T> OneOf<T>(Option<T> option)
        where T : struct, Enum
    {
        option.CustomParser = result =>
        {
            var text = result.Tokens is [{ Value: var value }] ? value : "";
            if (Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known)
                return Enum.Parse<T>(known);

            result.AddError($"{option.Name} must be one of {string.Join(", ", Enum.GetNames<T>())}, not '{text}'.");
            return default;
        };
        return option;
    }

    private static T? Parse<T>(ArgumentResult result, string name, T minimum, T maximum)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        if (result.Tokens is not [{ Value: var text }])
            return null;

        var isFloat = typeof(T) == typeof(float);
        if (T.TryParse(text, isFloat ? NumberStyles.Float : NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= minimum && value <= maximum)
            return value;

        var range = isFloat && maximum == T.MaxValue ? $"of at least {minimum}" : $"from {minimum} to {maximum}";
        result.AddError($"{name} must be a {(isFloat ? "finite" : "whole")} number {range}, not '{text}'.");
        return null;
    }
}
