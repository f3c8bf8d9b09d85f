-- Until now only an availability held changes up, whatever an objective of another kind said; now it does where it says so, which none of these meant.

UPDATE reliability.objective SET freezes = false WHERE kind <> 'availability';
