// An ASP.NET app with a model inside. POST /chat streams the answer as server-sent events:
//   curl -N localhost:5000/chat -H 'Content-Type: application/json' -d '{"message": "Hello"}'
// The repository's tiny model babbles. Another one: --EmbeddedLlm:Models:chat:Path=model.gguf
using EmbeddedLlm;
using EmbeddedLlm.Hosting;
using Microsoft.Extensions.AI;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddProblemDetails();
builder.Services.AddEmbeddedLlm().AddModel("chat", options =>
{
    options.Path ??= Path.Combine(AppContext.BaseDirectory, "tiny.gguf");
    options.LoadAtStart = true;
    options.MaxQueuedRequests ??= 100;
});

var app = builder.Build();
app.MapPost("/chat", IResult (Question question, IChatClient chat, CancellationToken cancellation) =>
    string.IsNullOrWhiteSpace(question.Message)
        ? TypedResults.BadRequest("The message is empty.")
        : TypedResults.ServerSentEvents(chat
            .GetStreamingResponseAsync(question.Message, new() { MaxOutputTokens = 200 }, cancellation)
            .Select(update => update.Text)
            .Where(text => text.Length > 0))); // the last update has the usage and no text

app.UseExceptionHandler(new ExceptionHandlerOptions
{
    StatusCodeSelector = exception => exception switch
    {
        ContextFullException => StatusCodes.Status413PayloadTooLarge,
        QueueFullException => StatusCodes.Status503ServiceUnavailable,
        BadHttpRequestException bad => bad.StatusCode,
        _ => StatusCodes.Status500InternalServerError,
    },
});
app.Run();

internal sealed record Question(string? Message);
