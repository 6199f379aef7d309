using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The GGUF metadata of a folder as it is put together, and the tensors that come from its configuration.</summary>
internal sealed class FolderKeys(string folder, string family)
{
    public string Folder => folder;

    public OrderedDictionary<string, GgufValue> Values { get; } = new(StringComparer.Ordinal) { ["general.architecture"] = GgufValue.Of(family) };

    /// <summary>Vectors by GGUF name, such as the factors of rope.</summary>
    public Dictionary<string, float[]> Vectors { get; } = [];

    /// <summary>Sets a key under the family's name. Negative counts go on as they are, for the reader of keys to refuse.</summary>
    public void Set(string key, int value) => Values[$"{family}.{key}"] = value < 0 ? GgufValue.Of(value) : GgufValue.Of((uint)value);

    public void Set(string key, double value) => Values[$"{family}.{key}"] = GgufValue.Of((float)value);

    public void Set(string key, string value) => Values[$"{family}.{key}"] = GgufValue.Of(value);

    public void Set(string key, bool value) => Values[$"{family}.{key}"] = GgufValue.Of(value);
}
