using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The sampling that the makers of a model recommend in generation_config.json, where they sample at all.</summary>
internal static class FolderSampling
{
    private static readonly (string Key, string Own)[] Numbers = [("temperature", "temp"), ("top_p", "top_p"), ("min_p", "min_p"), ("repetition_penalty", "penalty_repeat")];

    public static void Describe(string folder, FolderKeys keys)
    {
        var path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path) || JsonPart.Read(path, FolderLimits.ConfigBytes) is var generation && generation["do_sample"]?.Flag == false)
            return;
        foreach (var (key, own) in Numbers)
        {
            if (generation[key] is { } number)
                keys.Values[$"general.sampling.{own}"] = GgufValue.Of((float)number.Number);
        }

        if (generation["top_k"] is { } count)
            keys.Values["general.sampling.top_k"] = GgufValue.Of(count.Integer);
    }
}
