// The world, drawn once: Natural Earth's projection (Šavrič and others, 2011), the Pacific in the
// middle, so that nothing is cut but the Atlantic.
import rings from 'virtual:land';

export const middle = 150; // degrees east

const radians = Math.PI / 180;
const south = -57;
const north = 80;

/** On a plane of which the equator is 2 * 0.8707 * pi long. */
export function project(lat: number, lon: number): [x: number, y: number] {
	const lambda = lon * radians;
	const phi = lat * radians;
	const p2 = phi * phi;
	const p4 = p2 * p2;
	return [
		lambda * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4))),
		phi * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4))),
	];
}

export interface Frame {
	scale: number;
	x: number;
	y: number;
}

const [halfWidth] = project(0, 180);
const [, top] = project(north, 0);
const [, bottom] = project(south, 0);

/** The largest world in `width` x `height`. */
export function frameOf(width: number, height: number): Frame {
	const scale = Math.min(width / (2 * halfWidth), height / (top - bottom));
	return { scale, x: width / 2, y: (height - (top - bottom) * scale) / 2 + top * scale };
}

/** Where a place is, in the frame. */
export function at(frame: Frame, lat: number, lon: number): [x: number, y: number] {
	let east = lon - middle;
	if (east < -180) east += 360;
	if (east > 180) east -= 360;
	const [x, y] = project(lat, east);
	return [frame.x + x * frame.scale, frame.y - y * frame.scale];
}

function outline(draw: CanvasRenderingContext2D, frame: Frame): void {
	draw.beginPath();
	for (let lat = south; lat <= north; lat++) {
		const [x, y] = project(lat, 180);
		draw.lineTo(frame.x + x * frame.scale, frame.y - y * frame.scale);
	}
	for (let lat = north; lat >= south; lat--) {
		const [x, y] = project(lat, -180);
		draw.lineTo(frame.x + x * frame.scale, frame.y - y * frame.scale);
	}
	draw.closePath();
}

export function drawWorld(draw: CanvasRenderingContext2D, frame: Frame, colors: { land: string; coast: string; line: string }): void {
	draw.save();
	outline(draw, frame);
	draw.clip();
	draw.strokeStyle = colors.line;
	draw.lineWidth = 0.5;
	draw.beginPath();
	for (let lon = -180; lon <= 180; lon += 30)
		for (let lat = south; lat <= north; lat += 4) {
			const [x, y] = project(lat, lon);
			draw[lat === south ? 'moveTo' : 'lineTo'](frame.x + x * frame.scale, frame.y - y * frame.scale);
		}
	for (let lat = -30; lat <= 60; lat += 30) {
		const [x, y] = project(lat, 180);
		draw.moveTo(frame.x - x * frame.scale, frame.y - y * frame.scale);
		draw.lineTo(frame.x + x * frame.scale, frame.y - y * frame.scale);
	}
	draw.stroke();
	draw.fillStyle = colors.land;
	draw.strokeStyle = colors.coast;
	draw.lineWidth = 0.7;
	draw.lineJoin = 'round';
	// each ring at its place and one turn to either side: what is outside is clipped
	for (const ring of rings)
		for (const turn of [-360, 0, 360]) {
			const land = new Path2D();
			let lon = 0;
			let lat = 0;
			let seen = false;
			let highest = -90;
			for (let i = 0; i < ring.length; i += 2) {
				// over the date line the numbers jump by a turn, the land does not
				const step = ring[i] ?? 0;
				lon += i === 0 || Math.abs(step) < 1800 ? step : step - Math.sign(step) * 3600;
				lat += ring[i + 1] ?? 0;
				const east = lon / 10 - middle + turn;
				seen ||= east > -185 && east < 185;
				const [x, y] = project(lat / 10, Math.max(-200, Math.min(200, east)));
				const px = frame.x + x * frame.scale;
				const py = frame.y - y * frame.scale;
				land.lineTo(px, py);
				highest = Math.max(highest, lat / 10);
			}
			if (!seen || highest < south) continue;
			draw.fill(land);
			draw.stroke(land);
		}
	draw.restore();
}
