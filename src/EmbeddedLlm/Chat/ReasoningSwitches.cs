using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>What templates call the wish for more or less reasoning. Only variables that a template reads are set.</summary>
internal static class ReasoningSwitches
{
    private const int LowBudget = 512;      // tokens, as Seed-OSS was trained
    private const int MediumBudget = 4096;

    /// <summary>The variables for an effort; null where there is nothing to set.</summary>
    public static JsonObject? Variables(ChatTemplate template, ReasoningEffort? effort)
    {
        if (effort is not { } wished)
            return null;

        var thinks = wished != ReasoningEffort.None;
        var hasMax = template.Source.Contains("'max'", StringComparison.Ordinal);
        (string Name, JsonNode? Value)[] switches =
        [
            ("enable_thinking", thinks),
            ("thinking", thinks),
            ("reasoning", thinks),
            ("reasoning_effort", Effort(wished, hasMax, HasNone(template))),
            ("thinking_effort", thinks ? wished switch { ReasoningEffort.Low => "low", ReasoningEffort.ExtraHigh => "max", _ => "high" } : null),
            ("thinking_budget", wished switch { ReasoningEffort.None => 0, ReasoningEffort.Low => LowBudget, ReasoningEffort.Medium => MediumBudget, _ => -1 }),
        ];
        var variables = new JsonObject();
        foreach (var (name, value) in switches)
        {
            if (template.Reads(name))
                variables[name] = value;
        }

        return variables.Count > 0 ? variables : null;
    }

    // Harmony knows no answer without reasoning, and its template would take the word as it is.
    private static bool HasNone(ChatTemplate template) => !template.Source.Contains("\"Reasoning: \"", StringComparison.Ordinal);

    private static string Effort(ReasoningEffort effort, bool hasMax, bool hasNone) => effort switch
    {
        ReasoningEffort.None => hasNone ? "none" : "low",
        ReasoningEffort.Low => "low",
        ReasoningEffort.Medium => "medium",
        ReasoningEffort.ExtraHigh when hasMax => "max",
        _ => "high",
    };
}
