using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The chat template of a folder: a file of its own, or a key of tokenizer_config.json.</summary>
internal static class FolderTemplate
{
    private const string Key = "chat_template";
    private const string Default = "default";

    public static void Describe(string folder, FolderKeys keys)
    {
        var own = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(own))
        {
            var length = new FileInfo(own).Length;
            if (length > FolderLimits.TemplateBytes)
                throw new ModelFormatException($"{own}: expected at most {FolderLimits.TemplateBytes} bytes, found {length}.");
            Set(keys, Default, File.ReadAllText(own, Encoding.UTF8));
            return;
        }

        foreach (var name in (ReadOnlySpan<string>)["chat_template.json", "tokenizer_config.json"])
        {
            var file = Path.Combine(folder, name);
            if (!File.Exists(file) || JsonPart.Read(file, FolderLimits.TokenizerBytes)[Key] is not { } template)
                continue;
            if (template.IsText)
                Set(keys, Default, template.Text);
            else
                foreach (var named in template.Items())
                    Set(keys, named.Require("name", "a string").Text, named.Require("template", "a string").Text);
            return;
        }
    }

    private static void Set(FolderKeys keys, string name, string template) =>
        keys.Values[name == Default ? $"tokenizer.{Key}" : $"tokenizer.{Key}.{name}"] = GgufValue.Of(template);
}
