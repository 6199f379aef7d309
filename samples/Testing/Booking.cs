namespace Testing;

/// <summary>A wish for a room.</summary>
public sealed record Booking(string Guest, DateOnly Day, int Nights);
