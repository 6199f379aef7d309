// Answers that are data. Give the path of a GGUF file, or nothing for the repository's tiny model: it babbles, and even so every answer has the
// form that was asked for.
using System.ComponentModel.DataAnnotations;
using EmbeddedLlm;
using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

using var model = LlmModel.Load(args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "tiny.gguf"));
IChatClient chat = model.AsIChatClient();

// The schema is that of the type. Lengths and ranges keep a model that babbles from going on and on.
var review = await chat.GetResponseAsync<Review>("Review a film about the sea.", new ChatOptions { MaxOutputTokens = 200 });
Console.WriteLine(review.TryGetResult(out var film)
    ? $"{film.Title}: {film.Stars} of 5, {film.Genre}; {string.Join(", ", film.Tags)}"
    : $"Cut at {review.Usage!.OutputTokenCount} tokens ({review.FinishReason}): no whole review."); // no schema makes a budget longer

// Other forms: one of some texts, a pattern, a grammar.
var choice = await chat.GetResponseAsync("Is the sea deep?", new ChatOptions().WithChoices("yes", "no", "perhaps"));
var date = await chat.GetResponseAsync("When was the film made?", new ChatOptions().WithRegex("(19|20)[0-9]{2}-(0[1-9]|1[0-2])"));
var list = await chat.GetResponseAsync("Who plays in it?", new ChatOptions().WithGrammar("""
    root ::= item item item
    item ::= "- " [A-Z] [a-z ]{2,12} "\n"
    """));
Console.WriteLine($"{choice.Text}, {date.Text}\n{list.Text}");

internal sealed record Review(
    [property: StringLength(40, MinimumLength = 3)] string Title,
    [property: Range(1, 5)] int Stars,
    Genre Genre,
    [property: Length(1, 3)] Tag[] Tags);

internal enum Genre
{
    Drama,
    Comedy,
    Documentary,
}

internal enum Tag
{
    Quiet,
    Long,
    Sad,
}
