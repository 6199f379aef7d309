using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Models;

/// <summary>
/// The metadata under one prefix of a file (a family's name), read with bounds, since files come from strangers.
/// Every violation is a <see cref="ModelFormatException"/> that names file, key, expected and found.
/// </summary>
internal sealed class Hyperparameters(GgufFile file, string prefix)
{
    public string Prefix => prefix;

    public GgufFile File => file;

    public bool Contains(string key) => file.Metadata.Contains(Full(key));

    public string Text(string key, string fallback) => file.Metadata.GetString(Full(key), fallback);

    public bool Flag(string key, bool fallback) => file.Metadata.GetBool(Full(key), fallback);

    public int Count(string key, int least, int most)
    {
        var value = file.Metadata.GetLong(Full(key));
        if (value < least || value > most)
            Throw(key, $"an integer from {least} to {most}", value.ToString(CultureInfo.InvariantCulture));
        return (int)value;
    }

    public int Count(string key, int least, int most, int fallback) => Contains(key) ? Count(key, least, most) : fallback;

    public float Number(string key, float least, float most)
    {
        var value = file.Metadata.GetFloat(Full(key));
        if (!(value >= least && value <= most))
            Throw(key, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"), value.ToString(CultureInfo.InvariantCulture));
        return value;
    }

    public float Number(string key, float least, float most, float fallback) => Contains(key) ? Number(key, least, most) : fallback;

    [DoesNotReturn]
    public void Throw(string key, string expected, string found) =>
        throw file.Metadata.Wrong(Full(key), expected, found);

    private string Full(string key) => $"{prefix}.{key}";
}
